/*
 * Cgroup v2 on the real kernel: figures of one run only, whose limit was met, and where the supervisor makes
 * its cgroups.
 *
 * Skipped, with the reason, on a host without v2; MUST_WORK_CGROUP_V2=1 turns that into a failure.
 */
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "internal.h"
#include "leaks.h"
#include "support.h"
#include "test.h"

static isolate_supervisor supervisor;
static isolate_sandbox sandbox;

static int has_v2(void) {
    isolate_cgroup_choice choice;
    isolate_cgroup_choose(0, 0, &choice);
    if (choice.kind == ISOLATE_CGROUP_V2)
        return 1;
    CHECK(getenv("MUST_WORK_CGROUP_V2") == NULL);
    test_note("skipped: no cgroup v2 with memory and pids that we may use");
    return 0;
}

static void begin(void) {
    start_supervisor(&supervisor);
    CHECK_EQUAL(supervisor.cgroup, ISOLATE_CGROUP_V2);
    CHECK_TEXT(supervisor.cgroup_reason, "");
    open_sandbox(&supervisor, &sandbox);
    write_victim(&sandbox);
}

static void end(void) {
    isolate_sandbox_close(&sandbox);
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
}

static int write_text(const char *directory, const char *file, const char *text) {
    char path[600];
    snprintf(path, sizeof path, "%s/%s", directory, file);
    int CLEANUP_CLOSE fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* A new directory below the root of the hierarchy, with this process in it. */
struct place {
    char root[200], path[300], leaf[320];
};

static void enter_place(struct place *place, const char *leaf) {
    isolate_cgroup_choice choice;
    isolate_cgroup_choose(0, 0, &choice);
    CHECK_EQUAL(choice.kind, ISOLATE_CGROUP_V2);
    snprintf(place->root, sizeof place->root, "%.199s", choice.parent[0]);
    snprintf(place->path, sizeof place->path, "%s/isolate-test-%d", place->root, (int)getpid());
    snprintf(place->leaf, sizeof place->leaf, "%s%s", place->path, leaf);
    CHECK_EQUAL(write_text(place->root, "cgroup.subtree_control", "+memory +pids"), 0);
    CHECK_OK(mkdir(place->path, 0755));
    if (leaf[0] != 0)
        CHECK_OK(mkdir(place->leaf, 0755));
    CHECK_EQUAL(write_text(place->leaf, "cgroup.procs", "0"), 0);
}

static void leave_place(const struct place *place) {
    char path[340];
    CHECK_EQUAL(write_text(place->root, "cgroup.procs", "0"), 0);
    snprintf(path, sizeof path, "%s/embedder", place->path);
    if (rmdir(path) != 0)
        CHECK_EQUAL(errno, ENOENT);
    if (strcmp(place->leaf, place->path) != 0)
        CHECK_OK(rmdir(place->leaf));
    CHECK_OK(rmdir(place->path)); /* fails when the supervisor left anything in it */
}

/* A large program, then a small one, in one sandbox: the second run has its own peak. */
TEST(v2_peak_is_of_one_run) {
    if (!has_v2())
        return;
    begin();
    for (int i = 0; i < 4; i++) {
        int number = i % 2 == 0 ? 64 : 8;
        isolate_result result = run_victim(&sandbox, "memory", number, NULL);
        uint64_t bytes = (uint64_t)number << 20;
        test_context("%d MiB", number);
        CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_EXITED);
        CHECK_EQUAL(result.record.cpu_source, ISOLATE_SOURCE_CGROUP);
        if (result.record.memory_source == ISOLATE_SOURCE_CGROUP)
            CHECK(result.record.peak_memory_bytes > bytes - (1 << 20));
        else
            test_note("before 5.19 there is no memory.peak");
        CHECK(result.record.peak_memory_bytes < bytes + (4 << 20));
        isolate_result_free(&result);
    }
    end();
}

TEST(v2_processes_and_layers) {
    const uint32_t layers = ISOLATE_LAYER_CGROUP_MEMORY | ISOLATE_LAYER_CGROUP_PIDS |
                            ISOLATE_LAYER_CGROUP_CPU | ISOLATE_LAYER_CGROUP_NS;
    isolate_limits limits = wide_limits();
    if (!has_v2())
        return;
    begin();
    for (uint64_t allowed = 1; allowed <= 8; allowed++) {
        test_context("limit of %d", (int)allowed);
        limits.processes = allowed;
        isolate_result result = run_victim(&sandbox, "count", -1, &limits);
        CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_EXITED);
        CHECK_EQUAL(atoi(result.output), allowed);
        CHECK_EQUAL(result.outcome.limits_hit, 1u << ISOLATE_LIMIT_PROCESSES);
        CHECK_EQUAL(result.record.layers & layers, layers);
        isolate_result_free(&result);
    }
    isolate_result result = run_shell(&sandbox, "cat /proc/self/cgroup", NULL);
    CHECK_TEXT(result.output, "0::/\n");
    isolate_result_free(&result);
    end();
}

/* An OOM kill of a child ends the whole run, and the seat survives it: the next run is unaffected. */
TEST(v2_memory_ends_all_and_the_slot_lives) {
    isolate_limits limits = wide_limits();
    if (!has_v2())
        return;
    limits.memory_bytes = 16 << 20;
    begin();
    for (int i = 0; i < 3; i++) {
        isolate_result result =
            run_shell(&sandbox, "./victim memory 64 & ./victim sleep & wait; sleep 20", &limits);
        CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_LIMIT);
        CHECK_EQUAL(result.outcome.limit, ISOLATE_LIMIT_MEMORY);
        CHECK(result.record.wall_ns < 10000000000);
        isolate_result_free(&result);
        expect_exit(&sandbox, "exit 4", 4);
    }
    CHECK(named_child_of(child_of(supervisor.pid), "seat") > 0);
    end();
}

/* The limit of an ancestor cgroup is not the run's own. */
TEST(v2_memory_of_an_ancestor) {
    struct place place;
    if (!has_v2())
        return;
    enter_place(&place, "/leaf");
    CHECK_EQUAL(write_text(place.path, "memory.swap.max", "0") == 0 || errno == ENOENT, 1);
    begin();
    CHECK_EQUAL(write_text(place.path, "memory.max", "150M"), 0);
    isolate_result result;
    isolate_failure failure;
    isolate_limits limits = wide_limits();
    CHECK_EQUAL(call_victim(&sandbox, "memory", 220, &limits, &result, &failure), -ENOMEM);
    CHECK_TEXT(isolate_stage_name(failure.stage), "run");
    CHECK_EQUAL(failure.index, ISOLATE_DETAIL_RUN_HOST_MEMORY);
    CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_HOST_OOM);
    CHECK_EQUAL(write_text(place.path, "memory.max", "max"), 0);
    result = run_victim(&sandbox, "memory", 100, NULL);
    CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_EXITED);
    isolate_result_free(&result);
    end();
    leave_place(&place);
}

/* A directory with a process in it cannot enable controllers, so this process is moved, which it
 * permitted. */
TEST(v2_adopts) {
    isolate_start_options options = start_options(0);
    isolate_failure failure;
    isolate_cgroup_choice choice;
    struct place place;
    char expected[340];
    if (!has_v2())
        return;
    enter_place(&place, "");
    options.adopt_cgroup = 1;
    for (int i = 0; i < 2; i++) { /* the second time the process is there already */
        isolate_cgroup_choose(0, 1, &choice);
        CHECK_EQUAL(choice.adopt, i == 0);
        CHECK_TEXT(choice.parent[0], place.path);
        CHECK_OK(isolate_supervisor_start(&options, &supervisor, &failure));
        CHECK_EQUAL(supervisor.cgroup, ISOLATE_CGROUP_V2);
        snprintf(expected, sizeof expected, "%s/embedder", place.path);
        isolate_cgroup_choose(0, 1, &choice);
        CHECK_TEXT(choice.home, expected);
        use_supervisor(&supervisor);
        CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
    }
    leave_place(&place);
}

/* A cgroup that looked usable cannot be set up: the supervisor starts without one, and reports that. */
TEST(v2_setup_that_fails_is_told) {
    struct place place;
    if (!has_v2())
        return;
    enter_place(&place, "/leaf");
    CHECK_EQUAL(write_text(place.path, "cgroup.max.descendants", "1"), 0);
    struct owner owner = owner_of(getpid());
    start_supervisor(&supervisor);
    CHECK_EQUAL(supervisor.cgroup, ISOLATE_CGROUP_NONE);
    CHECK_TEXT(supervisor.cgroup_reason, "making cgroups (v2) failed: Resource temporarily unavailable");
    CHECK_EQUAL(owner_cgroups(&owner), 0);
    open_sandbox(&supervisor, &sandbox);
    expect_exit(&sandbox, "exit 5", 5);
    end();
    CHECK_EQUAL(write_text(place.path, "cgroup.max.descendants", "max"), 0);
    leave_place(&place);
}

/* No path leads from a slot's descriptors to the rest of the hierarchy, or to the host's files. */
TEST(v2_slot_holds_no_way_out) {
    if (!has_v2())
        return;
    begin();
    isolate_cgroup_choice choice;
    char name[64], path[1024];
    struct stat own, top;
    int seen = 0;
    pid_t slot = child_of(supervisor.pid);
    isolate_cgroup_choose(0, 0, &choice);
    isolate_internal_cgroup_name(&supervisor, name, sizeof name);
    snprintf(path, sizeof path, "%s/%s/slot-%u", choice.parent[0], name, sandbox.slot);
    CHECK_OK(stat(path, &own));
    for (int fd = 3; fd < 64; fd++) {
        struct statfs system;
        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)slot, fd);
        if (statfs(path, &system) != 0 || system.f_type != CGROUP2_SUPER_MAGIC)
            continue;
        snprintf(path, sizeof path, "/proc/%d/fd/%d/../../../../../../../..", (int)slot, fd);
        if (stat(path, &top) != 0)
            continue; /* not a directory */
        CHECK_EQUAL(top.st_dev, own.st_dev);
        CHECK_EQUAL(top.st_ino, own.st_ino);
        seen++;
    }
    CHECK(seen >= 2); /* its own directory and the next run's */
    end();
}
