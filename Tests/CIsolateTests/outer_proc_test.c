/*
 * The level without a proc of the slot's own: samples through the outer proc cover only the run's processes.
 *
 * Next to each of these sandboxes a decoy process lives outside, which holds more memory than the program
 * may, and uses more CPU time.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "leaks.h"
#include "support.h"
#include "test.h"

enum { DECOY_BYTES = 96 << 20, DECOY_CPU_MS = 300 };

static isolate_supervisor supervisor;
static pid_t decoy;

static void be_decoy(int ready) {
    struct timespec used;
    char *memory =
        mmap(NULL, DECOY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    CHECK(memory != MAP_FAILED);
    do
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    while (used.tv_sec * 1000 + used.tv_nsec / 1000000 < DECOY_CPU_MS);
    CHECK_EQUAL(write(ready, "r", 1), 1);
    for (;;)
        pause();
}

static void begin(uint32_t avoid) {
    isolate_start_options options = start_options(0);
    isolate_failure failure;
    int ends[2];
    char ready;
    CHECK_OK(pipe(ends));
    decoy = fork_child();
    if (decoy == 0)
        be_decoy(ends[1]);
    close(ends[1]);
    CHECK_EQUAL(read(ends[0], &ready, 1), 1);
    close(ends[0]);
    options.avoid = avoid;
    test_context("avoid %x", avoid);
    CHECK_OK(isolate_supervisor_start(&options, &supervisor, &failure));
    CHECK_EQUAL(supervisor.layers & ISOLATE_LAYER_MASKED_PROC, 0);
    CHECK_EQUAL(supervisor.level, ISOLATE_LEVEL_STANDARD);
    CHECK_EQUAL(supervisor.cgroup == ISOLATE_CGROUP_NONE, (avoid & ISOLATE_AVOID_CGROUP) != 0);
}

static void end(void) {
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
    /* The decoy is still alive. */
    CHECK_OK(kill(decoy, SIGKILL));
    CHECK_EQUAL(wait_child(decoy), 256 + SIGKILL);
}

static void open_with_victim(isolate_sandbox *sandbox) {
    open_sandbox(&supervisor, sandbox);
    write_victim(sandbox);
}

static void check_limits(uint32_t avoid) {
    begin(avoid);
    for (int i = 0; i < limit_case_count; i++) {
        isolate_limits limits = wide_limits();
        isolate_sandbox sandbox;
        limit_cases[i].tighten(&limits);
        test_context("limit %s", limit_cases[i].name);
        open_with_victim(&sandbox);
        isolate_result result = run_victim(&sandbox, limit_cases[i].word, limit_cases[i].number, &limits);
        CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_LIMIT);
        CHECK_EQUAL(result.outcome.limit, limit_cases[i].limit);
        CHECK_EQUAL(result.outcome.limits_hit, 0);
        if (limit_cases[i].limit == ISOLATE_LIMIT_PROCESSES)
            CHECK_EQUAL(result.record.peak_processes, limits.processes);
        if (limit_cases[i].limit == ISOLATE_LIMIT_CPU_TIME)
            CHECK(result.record.cpu_ns >= 50000000 && result.record.cpu_ns < 200000000);
        isolate_result_free(&result);
        isolate_sandbox_close(&sandbox);
    }
    end();
}

TEST(outer_proc_limits) {
    check_limits(ISOLATE_AVOID_PROC);
}

TEST(outer_proc_limits_without_cgroup) {
    check_limits(ISOLATE_AVOID_PROC | ISOLATE_AVOID_CGROUP);
}

/* Each figure is the run's own, without the decoy and other sandboxes. */
static void check_own_figures(uint32_t avoid) {
    isolate_sandbox sandbox, neighbour;
    struct background_run other;
    isolate_limits limits = wide_limits();
    limits.memory_bytes = 64 << 20;
    limits.cpu_ns = 250000000;
    begin(avoid);
    open_with_victim(&neighbour);
    background_start(&other, &neighbour, "holdAndSpin");
    sleep_ms(200);
    open_with_victim(&sandbox);
    isolate_result result = run_shell(&sandbox, "sleep 0.3 & sleep 0.3 & wait", &limits);
    CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_EXITED);
    CHECK_EQUAL(result.outcome.value, 0);
    CHECK_EQUAL(result.outcome.limits_hit, 0);
    CHECK_EQUAL(result.record.peak_processes, 3);
    CHECK(result.record.peak_memory_bytes < 16 << 20);
    CHECK(result.record.resident_peak_bytes < 16 << 20);
    CHECK(result.record.cpu_ns < 100000000);
    isolate_result_free(&result);
    background_join(&other);
    CHECK_EQUAL(other.status, 0);
    CHECK_EQUAL(other.result.outcome.kind, ISOLATE_OUTCOME_EXITED);
    CHECK(other.result.record.resident_peak_bytes >= 95 << 20);
    CHECK(other.result.record.cpu_ns >= 400000000);
    isolate_result_free(&other.result);
    isolate_sandbox_close(&sandbox);
    isolate_sandbox_close(&neighbour);
    end();
}

TEST(outer_proc_figures_are_the_runs_own) {
    check_own_figures(ISOLATE_AVOID_PROC);
}

TEST(outer_proc_figures_without_cgroup_are_the_runs_own) {
    check_own_figures(ISOLATE_AVOID_PROC | ISOLATE_AVOID_CGROUP);
}

/* Samples include orphans, whose parent is the cell's init, and orphans made by a second thread. */
TEST(outer_proc_sees_orphans) {
    isolate_sandbox sandbox;
    isolate_limits limits = wide_limits();
    limits.memory_bytes = 32 << 20;
    begin(ISOLATE_AVOID_PROC | ISOLATE_AVOID_CGROUP);
    open_with_victim(&sandbox);
    static const char *const scripts[] = {"(setsid ./victim hold 48 &) ; exec sleep 10",
                                          "(setsid sh -c './victim hold 48; true' &) ; exec sleep 10",
                                          "exec ./victim leaderless 48"};
    for (int i = 0; i < 3; i++) {
        test_context("%s", scripts[i]);
        isolate_result result = run_shell(&sandbox, scripts[i], &limits);
        CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_LIMIT);
        CHECK_EQUAL(result.outcome.limit, ISOLATE_LIMIT_MEMORY);
        CHECK(result.record.wall_ns < 5000000000);
        isolate_result_free(&result);
    }
    limits.cpu_ns = 200000000;
    isolate_result result = run_shell(&sandbox, "(setsid ./victim spin &) ; exec sleep 10", &limits);
    CHECK_EQUAL(result.outcome.limit, ISOLATE_LIMIT_CPU_TIME);
    isolate_result_free(&result);
    isolate_sandbox_close(&sandbox);
    end();
}

TEST(outer_proc_survivors_are_dead) {
    static const uint32_t rungs[] = {ISOLATE_AVOID_PROC, ISOLATE_AVOID_PROC | ISOLATE_AVOID_CGROUP};
    for (int i = 0; i < 2; i++) {
        isolate_sandbox sandbox;
        begin(rungs[i]);
        open_with_victim(&sandbox);
        pid_t slot = named_child_of(supervisor.pid, "isolate-slot");
        CHECK(slot > 0);
        for (int round = 0; round < 5; round++) {
            isolate_result result =
                run_shell(&sandbox, "./victim sleep & (setsid ./victim sleep &) ; sleep 0.05; exit 3", NULL);
            CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_EXITED);
            CHECK_EQUAL(result.outcome.value, 3);
            CHECK(result.record.peak_processes >= 3);
            CHECK_EQUAL(named_child_of(named_child_of(slot, "init"), "victim"), 0);
            CHECK_EQUAL(named_child_of(slot, "victim"), 0);
            isolate_result_free(&result);
        }
        isolate_sandbox_close(&sandbox);
        end();
    }
}

/* /proc is empty; programs that do not need it work. */
TEST(outer_proc_is_not_shown) {
    isolate_sandbox sandbox;
    begin(ISOLATE_AVOID_PROC);
    open_with_victim(&sandbox);
    isolate_result result = run_shell(&sandbox, "ls -A /proc; ls -A /run", NULL);
    CHECK_EQUAL(result.outcome.value, 0);
    CHECK_EQUAL(result.output_bytes, 0);
    isolate_result_free(&result);
    isolate_sandbox_close(&sandbox);
    end();
}

/* A writable root does not need proc, either. */
TEST(outer_proc_with_writable_root) {
    isolate_start_options options = start_options(0);
    isolate_failure failure;
    isolate_sandbox sandbox;
    options.avoid = ISOLATE_AVOID_PROC;
    options.is_writable = 1;
    int started = isolate_supervisor_start(&options, &supervisor, &failure);
    test_context("stage %s, errno %d", isolate_stage_name(failure.stage), failure.errno_value);
    CHECK_EQUAL(started, 0);
    open_sandbox(&supervisor, &sandbox);
    expect_exit(&sandbox, "echo new > /usr/new && rm /usr/new && ls -A /proc | wc -l | grep -qx 0", 0);
    isolate_sandbox_close(&sandbox);
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
}
