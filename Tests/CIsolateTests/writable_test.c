/* A writable root leaves nothing in its slot, however it ended; prints what it costs. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "leaks.h"
#include "support.h"
#include "test.h"

static isolate_supervisor supervisor;

static void begin(int is_writable) {
    isolate_start_options options = start_options(0);
    isolate_failure failure;
    options.is_writable = is_writable;
    int result = isolate_supervisor_start(&options, &supervisor, &failure);
    test_context("stage %s, errno %d", isolate_stage_name(failure.stage), failure.errno_value);
    CHECK_EQUAL(result, 0);
}

/* The slot's mounts, and how many of them belong to an open sandbox. */
static int count_mounts(pid_t slot, int *of_sandbox) {
    char path[64], line[4096];
    int count = 0;
    snprintf(path, sizeof path, "/proc/%d/mountinfo", (int)slot);
    FILE *file = fopen(path, "re");
    CHECK(file != NULL);
    for (*of_sandbox = 0; fgets(line, sizeof line, file) != NULL; count++)
        *of_sandbox += strstr(line, " /run/scratch") != NULL;
    fclose(file);
    return count;
}

TEST(writable_leaves_no_mounts) {
    static const char *const scripts[] = {
        "exit 0",
        "echo x > /usr/new; rm -r /usr/include; mkdir -p /opt/a/b; exit 0",
        "cd /usr/bin; (sleep 100 &); exec 3< /usr/bin/env; exit 0",
        "kill -9 $$",
        "dd if=/dev/zero of=/usr/full bs=65536",
    };
    begin(1);
    isolate_sandbox sandbox;
    open_sandbox(&supervisor, &sandbox);
    pid_t slot = named_child_of(supervisor.pid, "isolate-slot");
    int of_sandbox, open_mounts = count_mounts(slot, &of_sandbox);
    CHECK(of_sandbox > 1); /* the scratch tmpfs and the overlays in it */
    int at_rest = open_mounts - of_sandbox;
    isolate_sandbox_close(&sandbox);
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++)
        for (int round = 0; round < 3; round++) {
            test_context("%s", scripts[i]);
            open_sandbox(&supervisor, &sandbox);
            slot = named_child_of(supervisor.pid, "isolate-slot");
            CHECK(slot > 0);
            CHECK_EQUAL(count_mounts(slot, &of_sandbox), open_mounts);
            isolate_result result = run_shell(&sandbox, scripts[i], NULL);
            isolate_result_free(&result);
            CHECK_EQUAL(count_mounts(slot, &of_sandbox), open_mounts);
            /* Clears as for the next sandbox; closing would end the slot. */
            CHECK_EQUAL(isolate_slot_send(sandbox.control, ISOLATE_CLEAR, 0, 0, 0), 0);
            uint64_t until = now_ms() + 20000;
            isolate_slot_message message = {0};
            int fd, got;
            while ((got = isolate_slot_receive(sandbox.control, &message, &fd)) == 0 && now_ms() < until)
                sleep_ms(1);
            CHECK_EQUAL(got, 1);
            CHECK_EQUAL(message.type, ISOLATE_CLEARED);
            CHECK_EQUAL(count_mounts(slot, &of_sandbox), at_rest);
            CHECK_EQUAL(of_sandbox, 0);
            isolate_sandbox_close(&sandbox);
        }
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
}

static int compare_figures(const void *a, const void *b) {
    return *(const int *)a - *(const int *)b;
}

/* Opens, runs a small static program, closes: the median in microseconds. */
static int measure(int is_writable) {
    enum { ROUNDS = 21 };
    int figures[ROUNDS];
    begin(is_writable);
    for (int i = 0; i < ROUNDS; i++) {
        struct timespec before, after;
        isolate_sandbox sandbox;
        clock_gettime(CLOCK_MONOTONIC, &before);
        open_sandbox(&supervisor, &sandbox);
        write_victim(&sandbox);
        isolate_result result = run_victim(&sandbox, "exit", 3, NULL);
        CHECK_EQUAL(result.outcome.value, 3);
        isolate_result_free(&result);
        isolate_sandbox_close(&sandbox);
        clock_gettime(CLOCK_MONOTONIC, &after);
        figures[i] =
            (int)((after.tv_sec - before.tv_sec) * 1000000 + (after.tv_nsec - before.tv_nsec) / 1000);
    }
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
    qsort(figures, ROUNDS, sizeof figures[0], compare_figures);
    return figures[ROUNDS / 2];
}

TEST(writable_cost) {
    int read_only = measure(0), writable = measure(1);
    test_note("a sandbox with one run, slot included: %d us read-only, %d us writable", read_only, writable);
    CHECK(writable < 100 * read_only);
}

/* The disk limit is enforced from the first byte, and the root's own files do not count. */
TEST(writable_disk_is_bounded) {
    isolate_limits limits = wide_limits();
    isolate_sandbox sandbox;
    begin(1);
    limits.disk_bytes = 4 << 20;
    open_sandbox(&supervisor, &sandbox);
    isolate_result result = run_shell(&sandbox, "dd if=/dev/zero of=/usr/fits bs=65536 count=48", &limits);
    CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_EXITED);
    CHECK_EQUAL(result.outcome.value, 0);
    isolate_result_free(&result);
    static const char *const places[] = {"/usr/full", "/full", "/etc/full", "/work/full", "/tmp/full"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char script[128];
        test_context("%s", places[i]);
        snprintf(script, sizeof script, "dd if=/dev/zero of=%s bs=65536", places[i]);
        result = run_shell(&sandbox, script, &limits);
        CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_LIMIT);
        CHECK_EQUAL(result.outcome.limit, ISOLATE_LIMIT_DISK);
        isolate_result_free(&result);
    }
    isolate_sandbox_close(&sandbox);
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
}
