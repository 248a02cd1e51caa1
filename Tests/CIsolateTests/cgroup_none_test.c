/* Limits and figures without any cgroup: sampled limits are enforced, and sampled figures are marked as
 * sampled. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "leaks.h"
#include "support.h"
#include "test.h"

static isolate_supervisor supervisor;
static isolate_sandbox sandbox;

/* How much more CPU time than requested a program may show: an emulated processor starts programs slowly. */
static uint64_t slack(void) {
    return getenv("EMULATED") != NULL ? 3 : 1;
}

static void begin(void) {
    isolate_start_options options = start_options(0);
    isolate_failure failure;
    options.avoid = ISOLATE_AVOID_CGROUP;
    CHECK_OK(isolate_supervisor_start(&options, &supervisor, &failure));
    CHECK_EQUAL(supervisor.cgroup, ISOLATE_CGROUP_NONE);
    CHECK_TEXT(supervisor.cgroup_reason, "cgroups were not to be used");
    open_sandbox(&supervisor, &sandbox);
    write_victim(&sandbox);
}

static void end(void) {
    isolate_sandbox_close(&sandbox);
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
}

TEST(none_says_so) {
    const uint32_t cgroup_layers =
        ISOLATE_LAYER_CGROUP_MEMORY | ISOLATE_LAYER_CGROUP_PIDS | ISOLATE_LAYER_CGROUP_CPU;
    begin();
    struct owner owner = owner_of(getpid());
    CHECK_EQUAL(owner_cgroups(&owner), 0);
    isolate_result result = run_shell(&sandbox, "cat /proc/self/cgroup", NULL);
    CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_EXITED);
    CHECK_EQUAL(result.record.layers & cgroup_layers, 0);
    CHECK(result.record.layers & ISOLATE_LAYER_CGROUP_NS);
    CHECK_EQUAL(result.record.cpu_source, ISOLATE_SOURCE_RUSAGE);
    CHECK(result.record.memory_source != ISOLATE_SOURCE_CGROUP);
    CHECK(result.record.resident_source != ISOLATE_SOURCE_CGROUP);
    CHECK(result.record.processes_source != ISOLATE_SOURCE_CGROUP);
    CHECK(result.record.cpu_ns > 0);
    CHECK(result.record.peak_memory_bytes > 100 << 10 && result.record.peak_memory_bytes < 16 << 20);
    /* The program must not see the embedder's cgroup path. */
    for (char *line = strtok(result.output, "\n"); line != NULL; line = strtok(NULL, "\n"))
        CHECK_TEXT(strrchr(line, ':'), ":/");
    isolate_result_free(&result);
    end();
}

TEST(none_limits) {
    begin();
    isolate_sandbox_close(&sandbox);
    for (int i = 0; i < limit_case_count; i++) {
        isolate_limits limits = wide_limits();
        limit_cases[i].tighten(&limits);
        test_context("limit %s", limit_cases[i].name);
        open_sandbox(&supervisor, &sandbox);
        write_victim(&sandbox);
        isolate_result result = run_victim(&sandbox, limit_cases[i].word, limit_cases[i].number, &limits);
        CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_LIMIT);
        CHECK_EQUAL(result.outcome.limit, limit_cases[i].limit);
        CHECK_EQUAL(result.outcome.limits_hit, 0);
        /* On a busy machine the program has all of its 64 MiB, besides its own pages, before the first
         * sample. */
        if (limit_cases[i].limit == ISOLATE_LIMIT_MEMORY)
            CHECK(result.record.peak_memory_bytes > 16 << 20 && result.record.peak_memory_bytes <= 72 << 20);
        if (limit_cases[i].limit == ISOLATE_LIMIT_PROCESSES)
            CHECK_EQUAL(result.record.peak_processes, limits.processes);
        if (limit_cases[i].limit == ISOLATE_LIMIT_CPU_TIME)
            CHECK(result.record.cpu_ns >= 50000000 && result.record.cpu_ns < 200000000 * slack());
        isolate_result_free(&result);
        isolate_sandbox_close(&sandbox);
    }
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
}

/* The slot soon ends a program that takes memory at once and lives on, whatever kind of memory it is. */
TEST(none_memory_of_each_kind) {
    static const struct {
        const char *name, *script;
    } cases[] = {
        {"one process", "exec ./victim hold 64"},
        {"three processes", "./victim hold 8 & ./victim hold 8 & ./victim hold 8 & wait"},
        {"shared", "exec ./victim shared 64"},
        {"first thread gone", "exec ./victim leaderless 64"},
    };
    isolate_limits limits = wide_limits();
    limits.memory_bytes = 16 << 20;
    begin();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_context("%s", cases[i].name);
        isolate_result result = run_shell(&sandbox, cases[i].script, &limits);
        CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_LIMIT);
        CHECK_EQUAL(result.outcome.limit, ISOLATE_LIMIT_MEMORY);
        CHECK(result.record.wall_ns < 2000000000);
        isolate_result_free(&result);
    }
    end();
}

/* After a fork, parent and child map the same pages, which count once. */
TEST(none_memory_shared_by_processes_counts_once) {
    static const char *const words[] = {"forked", "vforked"};
    isolate_limits limits = wide_limits();
    limits.memory_bytes = 64 << 20;
    begin();
    for (int i = 0; i < 2; i++) {
        test_context("%s", words[i]);
        isolate_result result = run_victim(&sandbox, words[i], 40, &limits);
        CHECK_EQUAL(result.outcome.limit, ISOLATE_LIMIT_NONE);
        CHECK_EQUAL(result.outcome.value, 0);
        CHECK(result.record.peak_processes >= 2);
        CHECK(result.record.resident_peak_bytes > 39 << 20 && result.record.resident_peak_bytes < 48 << 20);
        isolate_result_free(&result);
    }
    end();
}

TEST(none_peak) {
    begin();
    for (int number = 8; number <= 128; number *= 2) {
        test_context("%d MiB", number);
        isolate_result result = run_victim(&sandbox, "memory", number, NULL);
        uint64_t peak = result.record.peak_memory_bytes, bytes = (uint64_t)number << 20;
        CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_EXITED);
        CHECK(peak >= bytes && peak < bytes + (4 << 20));
        CHECK(result.record.resident_peak_bytes >= bytes - (1 << 20) &&
              result.record.resident_peak_bytes < bytes + (4 << 20));
        isolate_result_free(&result);
    }
    end();
}

/* CPU time of children: waited for, not waited for, and still running at the end. */
TEST(none_cpu_of_children) {
    static const struct {
        const char *name, *script;
    } cases[] = {
        {"waited for", "./victim burn 300; ./victim burn 300"},
        {"side by side", "./victim burn 300 & ./victim burn 300 & wait"},
        {"left behind", "(./victim burnAndStay 500 &) ; while [ ! -e done ]; do sleep 0.2; done"},
        {"not waited for", "exec ./victim ignored 600"},
    };
    begin();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_context("%s", cases[i].name);
        isolate_result result = run_shell(&sandbox, cases[i].script, NULL);
        CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_EXITED);
        test_note("%s: %d ms of CPU, source %u", cases[i].name, (int)(result.record.cpu_ns / 1000000),
                  result.record.cpu_source);
        CHECK(result.record.cpu_ns > 400000000 && result.record.cpu_ns < 800000000 * slack());
        isolate_result_free(&result);
    }
    end();
}

TEST(none_cpu_limit_over_all_processes) {
    static const char *const scripts[] = {"./victim spin & ./victim spin & ./victim spin & wait",
                                          "while :; do ./victim burn 10; done"};
    isolate_limits limits = wide_limits();
    limits.cpu_ns = 300000000;
    begin();
    for (int i = 0; i < 2; i++) {
        test_context("%s", scripts[i]);
        isolate_result result = run_shell(&sandbox, scripts[i], &limits);
        CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_LIMIT);
        CHECK_EQUAL(result.outcome.limit, ISOLATE_LIMIT_CPU_TIME);
        CHECK(result.record.cpu_ns >= 300000000 && result.record.cpu_ns < 500000000 * slack());
        isolate_result_free(&result);
    }
    end();
}

/* Exactly as many as the limit: the program and three children. */
TEST(none_processes_are_exact) {
    isolate_limits limits = wide_limits();
    begin();
    for (uint64_t allowed = 1; allowed <= 8; allowed++) {
        test_context("limit of %d", (int)allowed);
        limits.processes = allowed;
        isolate_result result = run_victim(&sandbox, "count", -1, &limits);
        CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_EXITED);
        CHECK_EQUAL(atoi(result.output), allowed);
        CHECK_EQUAL(result.record.peak_processes, allowed);
        CHECK_EQUAL(result.outcome.limits_hit, allowed > 1 ? 1u << ISOLATE_LIMIT_PROCESSES : 0);
        isolate_result_free(&result);
    }
    end();
}

TEST(none_survivors_are_dead) {
    begin();
    isolate_result result = run_shell(&sandbox, "./victim sleep & (setsid ./victim sleep &) ; exit 3", NULL);
    CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_EXITED);
    CHECK_EQUAL(result.outcome.value, 3);
    CHECK(result.record.peak_processes >= 2);
    isolate_result_free(&result);
    /* The slot's children are the seat and the next cell's init and program; the next run's proc shows only
     * its own processes. */
    result = run_shell(&sandbox, "ls /proc | grep -c '^[0-9]'", NULL);
    CHECK(atoi(result.output) <= 5);
    isolate_result_free(&result);
    end();
}

/* A process's second bound, RLIMIT_DATA, is set and cannot be raised. */
TEST(none_rlimits) {
    begin();
    isolate_limits limits = wide_limits();
    limits.memory_bytes = 64 << 20;
    isolate_result result = run_shell(&sandbox, "ulimit -d; ulimit -p; ulimit -d unlimited", &limits);
    CHECK(result.outcome.value != 0);
    char expected[64];
    snprintf(expected, sizeof expected, "%d\n%d\n", (4 * 64 << 10) + (1 << 20), (int)limits.processes);
    CHECK_TEXT(result.output, expected);
    isolate_result_free(&result);
    end();
}
