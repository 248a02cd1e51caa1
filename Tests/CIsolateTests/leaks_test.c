/* Ordinary runs, ended runs and killed processes leave nothing behind. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "leaks.h"
#include "support.h"
#include "test.h"

TEST(leaks_after_a_normal_run) {
    struct snapshot *before = snapshot_take();
    use_once();
    snapshot_check(before);
}

TEST(leaks_after_two_supervisors_at_once) {
    struct snapshot *before = snapshot_take();
    isolate_supervisor first, second;
    start_supervisor(&first);
    start_supervisor(&second);
    use_supervisor(&first);
    use_supervisor(&second);
    CHECK_EQUAL(isolate_supervisor_stop(&first), 0);
    use_supervisor(&second);
    CHECK_EQUAL(isolate_supervisor_stop(&second), 0);
    snapshot_check(before);
}

/* Stops the supervisor with open sandboxes, one of them with a waiting program. */
TEST(leaks_after_a_stop_with_open_sandboxes) {
    struct snapshot *before = snapshot_take();
    isolate_supervisor supervisor;
    isolate_sandbox sandboxes[4];
    isolate_failure failure;
    struct background_run run;
    start_supervisor(&supervisor);
    for (int i = 0; i < 4; i++)
        open_sandbox(&supervisor, &sandboxes[i]);
    write_victim(&sandboxes[0]);
    background_start(&run, &sandboxes[0], "sleep");
    sleep_ms(50);
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
    background_join(&run);
    CHECK(run.status < 0);
    for (int i = 0; i < 4; i++) {
        CHECK(isolate_sandbox_write(&sandboxes[i], "x", "x", 1, 0, &failure) < 0);
        isolate_sandbox_close(&sandboxes[i]);
    }
    snapshot_check(before);
}

static void test_limit(int index) {
    const struct limit_case *test = &limit_cases[index];
    struct snapshot *before = snapshot_take();
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    isolate_limits limits = wide_limits();
    test->tighten(&limits);
    start_supervisor(&supervisor);
    open_sandbox(&supervisor, &sandbox);
    write_victim(&sandbox);
    isolate_result result = run_victim(&sandbox, test->word, test->number, &limits);
    CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_LIMIT);
    CHECK_EQUAL(result.outcome.limit, test->limit);
    isolate_result_free(&result);
    /* The limit has no effect on the next run of the same sandbox. */
    expect_exit(&sandbox, test->limit == ISOLATE_LIMIT_DISK ? "rm full; exit 3" : "exit 3", 3);
    isolate_sandbox_close(&sandbox);
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
    snapshot_check(before);
}

__attribute__((constructor)) static void register_limits(void) {
    static struct test tests[16];
    static char names[16][40];
    for (int i = 0; i < limit_case_count && i < 16; i++) {
        snprintf(names[i], sizeof names[i], "leaks_after_limit_%s", limit_cases[i].name);
        tests[i] = (struct test){.name = names[i], .run = test_limit, .argument = i};
        test_register(&tests[i]);
    }
}

TEST(leaks_after_300_runs) {
    struct snapshot *before = snapshot_take();
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    start_supervisor(&supervisor);
    open_sandbox(&supervisor, &sandbox);
    write_victim(&sandbox);
    isolate_result_free(&(isolate_result[]){run_victim(&sandbox, "exit", 1, NULL)}[0]);
    int descriptors = descriptor_count();
    for (int i = 0; i < 300; i++) {
        test_context("run %d", i);
        isolate_result result = run_victim(&sandbox, "exit", i % 200, NULL);
        CHECK_EQUAL(result.outcome.value, i % 200);
        isolate_result_free(&result);
    }
    CHECK_EQUAL(descriptor_count(), descriptors);
    isolate_sandbox_close(&sandbox);
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
    snapshot_check(before);
}

/* The descriptors of the supervisor and of a slot do not grow from run to run or from sandbox to sandbox. */
static int descriptors_of(pid_t pid) {
    char path[64];
    int count = 0;
    for (int fd = 0; fd < 512; fd++) {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, fd);
        count += access(path, F_OK) == 0 || faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    }
    return count;
}

TEST(leaks_in_the_supervisor_and_the_slot) {
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    start_supervisor(&supervisor);
    use_supervisor(&supervisor);
    CHECK_EQUAL(descriptors_of(supervisor.pid), 6); /* 0, 1, 2, socket, owner, configuration */
    open_sandbox(&supervisor, &sandbox);
    write_victim(&sandbox);
    pid_t slot = child_of(supervisor.pid);
    CHECK(slot > 0);
    int with_one = descriptors_of(supervisor.pid), before = descriptors_of(slot);
    CHECK_EQUAL(with_one, 7);
    for (int i = 0; i < limit_case_count; i++) {
        isolate_limits limits = wide_limits();
        limit_cases[i].tighten(&limits);
        isolate_result result = run_victim(&sandbox, limit_cases[i].word, limit_cases[i].number, &limits);
        isolate_result_free(&result);
    }
    isolate_limits limits = wide_limits();
    isolate_result result = run_victim(&sandbox, "chroot", -1, &limits);
    CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_BLOCKED);
    isolate_result_free(&result);
    expect_exit(&sandbox, "rm -f full large; exit 0", 0);
    /* A new cell waits, as before, as soon as it is made; a leak would stay. */
    isolate_failure failure;
    CHECK_EQUAL(isolate_sandbox_write(&sandbox, "x", "x", 1, 0, &failure), 0);
    int after = descriptors_of(slot);
    for (uint64_t until = now_ms() + 10000; after > before && now_ms() < until; sleep_ms(1))
        after = descriptors_of(slot);
    test_note("descriptors of a slot: %d before, %d after ten runs", before, after);
    CHECK(after <= before);
    isolate_sandbox_close(&sandbox);
    CHECK_EQUAL(descriptors_of(supervisor.pid), 6);
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
}

/* 300 runs that read 5 MB of file cache each, in 60 sandboxes: no dying memory cgroup remains. */
TEST(leaks_no_dying_memory_cgroups) {
    static char data[5 << 20];
    isolate_failure failure;
    isolate_supervisor supervisor;
    memset(data, 'd', sizeof data);
    int before = memory_cgroup_count();
    start_supervisor(&supervisor);
    for (int i = 0; i < 60; i++) {
        isolate_sandbox sandbox;
        test_context("sandbox %d", i);
        open_sandbox(&supervisor, &sandbox);
        write_victim(&sandbox);
        CHECK_EQUAL(isolate_sandbox_write(&sandbox, "data", data, sizeof data, 0, &failure), 0);
        for (int run = 0; run < 4; run++)
            isolate_result_free(&(isolate_result[]){run_victim(&sandbox, "read", -1, NULL)}[0]);
        /* One program also makes file cache of its own. */
        expect_exit(&sandbox, "cp data copy && cat copy copy > /dev/null", 0);
        isolate_sandbox_close(&sandbox);
    }
    test_context("%s", "");
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
    /* Other processes on this machine make cgroups too, and this count includes them; the test's own would be
     * 60. The kernel frees cgroups in the background. */
    int after = memory_cgroup_count();
    for (int i = 0; i < 300 && after > before + 10; i++) {
        sleep_ms(100);
        after = memory_cgroup_count();
    }
    test_note("memory cgroups: %d before, %d after 300 runs in 60 sandboxes", before, after);
    CHECK(after <= before + 40);
}

/* An embedder whose supervisor or slot the test kills. */
static void kill_and_clean(int kill_supervisor) {
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    struct background_run run;
    start_supervisor(&supervisor);
    open_sandbox(&supervisor, &sandbox);
    write_victim(&sandbox);
    pid_t target = kill_supervisor ? supervisor.pid : child_of(supervisor.pid);
    CHECK(target > 0);
    background_start(&run, &sandbox, "storm");
    sleep_ms(100);
    CHECK_OK(kill(target, SIGKILL));
    background_join(&run);
    CHECK(run.status < 0);
    CHECK(run.milliseconds < 5000);
    isolate_sandbox_close(&sandbox);
    if (!kill_supervisor)
        use_supervisor(&supervisor); /* the supervisor survives the death of one slot */
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
}

static void count_removed(const char *path, void *context) {
    (void)path;
    ++*(int *)context;
}

TEST(leaks_after_a_killed_slot) {
    struct snapshot *before = snapshot_take();
    kill_and_clean(0);
    snapshot_check(before);
}

TEST(leaks_after_a_killed_supervisor) {
    struct snapshot *before = snapshot_take();
    kill_and_clean(1);
    snapshot_check(before);
}

/* No process is left that would remove the cgroups: the next embedder's start, or a cleanup, removes them. */
TEST(leaks_after_a_killed_supervisor_and_embedder) {
    int ends[2], removed = 0;
    pid_t killed;
    CHECK_OK(pipe2(ends, O_CLOEXEC));
    pid_t embedder = fork_child();
    if (embedder == 0) {
        isolate_supervisor supervisor;
        isolate_sandbox sandbox;
        struct background_run run;
        start_supervisor(&supervisor);
        open_sandbox(&supervisor, &sandbox);
        write_victim(&sandbox);
        background_start(&run, &sandbox, "storm");
        sleep_ms(50);
        CHECK_EQUAL(write(ends[1], &supervisor.pid, sizeof supervisor.pid), sizeof supervisor.pid);
        for (;;)
            pause();
    }
    struct owner owner = owner_of(embedder);
    CHECK_EQUAL(read(ends[0], &killed, sizeof killed), sizeof killed);
    CHECK_OK(kill(embedder, SIGSTOP)); /* so that it cannot clean up */
    CHECK_OK(kill(killed, SIGKILL));
    expect_no_processes(&owner, 4000);
    CHECK(owner_cgroups(&owner) > 0);
    CHECK_OK(isolate_cleanup(count_removed, &removed));
    CHECK(owner_cgroups(&owner) > 0); /* the owner lives */
    CHECK_OK(kill(embedder, SIGKILL));
    CHECK_EQUAL(wait_child(embedder), 256 + SIGKILL);
    removed = 0;
    int count = isolate_cleanup(count_removed, &removed);
    isolate_cgroup_choice choice;
    isolate_cgroup_choose(0, 0, &choice);
    CHECK(count >= (choice.kind == ISOLATE_CGROUP_V1 ? ISOLATE_CGROUP_COUNT : 1));
    CHECK_EQUAL(removed, count);
    expect_nothing_left(&owner, 0);
}
