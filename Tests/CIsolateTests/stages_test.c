/* Every stage of enum isolate_stage fails on demand, is reported as itself, and leaves nothing behind. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "leaks.h"
#include "support.h"
#include "test.h"

/* The call that reports the failure. */
enum site { AT_START, AT_OPEN, AT_RUN, NOT_WIRED };

/* The kinds of slots that run the stage. */
enum { READ_ONLY = 1, WRITABLE = 2, PLAIN = 4, TREES = READ_ONLY | WRITABLE, ALL = TREES | PLAIN };
static const char *const kind_names[] = {[READ_ONLY] = "", [WRITABLE] = "writable_", [PLAIN] = "plain_"};

static const struct {
    int stage;
    enum site site;
    int kinds;
} stages[] = {
    /* START is the embedder's own: tested below with an image that is not executable. */
    {ISOLATE_STAGE_CONFIG, AT_START, ALL},
    {ISOLATE_STAGE_CGROUP, AT_OPEN, ALL},
    {ISOLATE_STAGE_DIRECTORIES, AT_START, PLAIN},
    {ISOLATE_STAGE_CLONE_SLOT, AT_OPEN, ALL},
    {ISOLATE_STAGE_ID_MAP, AT_OPEN, ALL},
    {ISOLATE_STAGE_CREDENTIALS, AT_OPEN, ALL},
    {ISOLATE_STAGE_NETWORK, AT_OPEN, TREES},
    {ISOLATE_STAGE_HOSTNAME, AT_OPEN, TREES},
    {ISOLATE_STAGE_MOUNT_ROOT, AT_OPEN, TREES},
    {ISOLATE_STAGE_BIND, AT_OPEN, TREES},
    {ISOLATE_STAGE_BIND_MOUNT, AT_OPEN, TREES},
    {ISOLATE_STAGE_ETC, AT_OPEN, TREES},
    {ISOLATE_STAGE_DEV, AT_OPEN, TREES},
    {ISOLATE_STAGE_PIVOT, AT_OPEN, TREES},
    {ISOLATE_STAGE_JOIN_CGROUP, AT_OPEN, ALL},
    {ISOLATE_STAGE_CLONE_SEAT, AT_OPEN, ALL},
    {ISOLATE_STAGE_SCRATCH, AT_OPEN, ALL},
    {ISOLATE_STAGE_OVERLAY, AT_OPEN, WRITABLE},
    {ISOLATE_STAGE_CLONE_INIT, AT_OPEN, TREES},
    {ISOLATE_STAGE_MOUNT_SCRATCH, AT_OPEN, TREES},
    {ISOLATE_STAGE_MOUNT_PROC, AT_OPEN, TREES},
    {ISOLATE_STAGE_MASK_PROC, AT_OPEN, TREES},
    {ISOLATE_STAGE_CLONE_PROGRAM, AT_OPEN, ALL},
    {ISOLATE_STAGE_NAMESPACES, AT_OPEN, ALL},
    {ISOLATE_STAGE_LANDLOCK, AT_OPEN, ALL},
    {ISOLATE_STAGE_SECCOMP, AT_OPEN, ALL},
    {ISOLATE_STAGE_TRACE, AT_OPEN, ALL},
    {ISOLATE_STAGE_REQUEST, AT_RUN, ALL},
    {ISOLATE_STAGE_LIMITS, AT_RUN, ALL},
    {ISOLATE_STAGE_RLIMITS, AT_RUN, ALL},
    {ISOLATE_STAGE_PROCESSORS, AT_RUN, ALL},
    {ISOLATE_STAGE_DIRECTORY, AT_RUN, ALL},
    {ISOLATE_STAGE_STDIO, AT_RUN, ALL},
    {ISOLATE_STAGE_EXEC, AT_RUN, ALL},
    /* Their failures need no forcing: memory of an ancestor cgroup (cgroup_v2_test.c), a full disk
     * (plain_test.c), a path that leads out (run_test.c), a broken record (records_test.c), a
     * stopped slot (watchdog_test.c). */
    {ISOLATE_STAGE_RUN, NOT_WIRED, ALL},
    {ISOLATE_STAGE_FILE, NOT_WIRED, ALL},
    {ISOLATE_STAGE_PROTOCOL, NOT_WIRED, ALL},
    {ISOLATE_STAGE_WATCHDOG, NOT_WIRED, ALL},
};
enum { COUNT = sizeof stages / sizeof stages[0] };

static void check_failure(const isolate_failure *failure, int stage) {
    CHECK_TEXT(isolate_stage_name(failure->stage), isolate_stage_name(stage));
    CHECK_EQUAL(failure->errno_value, EIO);
}

static void fail_in_run(isolate_supervisor *supervisor, int stage) {
    isolate_sandbox sandbox;
    isolate_result result;
    isolate_failure failure;
    isolate_limits limits = wide_limits();
    limits.cpus = stage == ISOLATE_STAGE_PROCESSORS; /* otherwise the stage is skipped */
    open_sandbox(supervisor, &sandbox);
    write_victim(&sandbox);
    CHECK_EQUAL(call_victim(&sandbox, "exit", 0, &limits, &result, &failure), -EIO);
    check_failure(&failure, stage);
    check_failure(&result.record.failure, stage);
    CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_FAILED);
    CHECK_EQUAL(result.output_bytes, 0);
    CHECK(result.output == NULL && result.error == NULL);
    /* The sandbox lives: the next run fails in the same way, not because of the first failure. */
    CHECK_EQUAL(call_victim(&sandbox, "exit", 0, &limits, &result, &failure), -EIO);
    check_failure(&failure, stage);
    CHECK_EQUAL(isolate_sandbox_close(&sandbox), 0);
}

static void fail_in_open(isolate_supervisor *supervisor, int stage) {
    isolate_failure failure;
    isolate_sandbox sandbox;
    for (int attempt = 0; attempt < 2; attempt++) {
        CHECK_EQUAL(isolate_sandbox_open(supervisor, wide_limits().disk_bytes, &sandbox, &failure), -EIO);
        check_failure(&failure, stage);
        CHECK_EQUAL(sandbox.control, -1);
        CHECK_EQUAL(sandbox.request, -1);
    }
}

static void test_stage(int argument) {
    int index = argument / 8, kind = argument % 8, stage = stages[index].stage;
    char places[] = "/tmp/stages-test-XXXXXX";
    isolate_supervisor supervisor;
    isolate_failure failure;
    isolate_start_options options = start_options((uint32_t)stage);
    options.is_writable = kind == WRITABLE;
    options.avoid = kind == PLAIN ? ISOLATE_AVOID_NAMESPACES : 0;
    struct snapshot *before = snapshot_take();
    CHECK(mkdtemp(places) != NULL);
    CHECK_OK(chmod(places, 0711)); /* the program passes through it */
    CHECK_OK(setenv("TMPDIR", places, 1));
    if (stages[index].site == AT_START) {
        CHECK_EQUAL(isolate_supervisor_start(&options, &supervisor, &failure), -EIO);
        check_failure(&failure, stage);
        CHECK_EQUAL(supervisor.socket, -1);
        CHECK_EQUAL(supervisor.pidfd, -1);
    } else {
        CHECK_EQUAL(isolate_supervisor_start(&options, &supervisor, &failure), 0);
        if (stages[index].site == AT_OPEN)
            fail_in_open(&supervisor, stage);
        else
            fail_in_run(&supervisor, stage);
        CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
    }
    CHECK_OK(rmdir(places)); /* it is empty */
    snapshot_check(before);
}

__attribute__((constructor)) static void register_stages(void) {
    static struct test tests[COUNT * 3];
    static char names[COUNT * 3][48];
    int count = 0;
    for (int kind = READ_ONLY; kind <= PLAIN; kind *= 2)
        for (int i = 0; i < COUNT; i++) {
            if (stages[i].site == NOT_WIRED || !(stages[i].kinds & kind))
                continue;
            snprintf(names[count], sizeof names[count], "stages_%s%s", kind_names[kind],
                     isolate_stage_name(stages[i].stage));
            tests[count] = (struct test){.name = names[count], .run = test_stage, .argument = i * 8 + kind};
            test_register(&tests[count++]);
        }
}

/* A stage that is added to the enum must be added to the table. */
TEST(stages_are_complete) {
    for (int stage = ISOLATE_STAGE_CONFIG; stage < ISOLATE_STAGE_COUNT; stage++) {
        int count = 0;
        for (int i = 0; i < COUNT; i++)
            count += stages[i].stage == stage;
        test_context("stage %s", isolate_stage_name(stage));
        CHECK_EQUAL(count, 1);
    }
    CHECK_TEXT(isolate_stage_name(-1), "unknown");
    CHECK_TEXT(isolate_stage_name(ISOLATE_STAGE_COUNT), "unknown");
}

/* This program is made from the client's files alone, so it carries no supervisor. */
TEST(stages_start_without_an_image) {
    isolate_supervisor supervisor;
    isolate_failure failure;
    isolate_start_options options = {0};
    char part[32];
    CHECK_EQUAL(isolate_supervisor_start(&options, &supervisor, &failure), -ENOEXEC);
    CHECK_EQUAL(failure.stage, ISOLATE_STAGE_START);
    CHECK_EQUAL(failure.errno_value, ENOEXEC);
    isolate_detail_name(failure.stage, failure.index, part, sizeof part);
    CHECK_TEXT(part, "image");
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0); /* there is nothing to stop */
}

TEST(stages_start_with_an_image_that_is_no_program) {
    static const char *const images[] = {"", "no program", "\177ELF but no more"};
    struct snapshot *before = snapshot_take();
    for (int i = 0; i < 3; i++) {
        isolate_supervisor supervisor;
        isolate_failure failure;
        isolate_start_options options = {.image = images[i], .image_bytes = strlen(images[i])};
        test_context("image %d", i);
        int result = isolate_supervisor_start(&options, &supervisor, &failure);
        CHECK_EQUAL(result, -ENOEXEC);
        CHECK_EQUAL(failure.stage, ISOLATE_STAGE_START);
        CHECK_EQUAL(failure.errno_value, ENOEXEC);
    }
    snapshot_check(before);
}
