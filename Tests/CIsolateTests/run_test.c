/* What runs report: ends, limits, streams, files. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "leaks.h"
#include "support.h"
#include "test.h"

static isolate_supervisor supervisor;
static isolate_sandbox sandbox;

static void begin(void) {
    start_supervisor(&supervisor);
    open_sandbox(&supervisor, &sandbox);
    write_victim(&sandbox);
}

static void end(void) {
    CHECK_EQUAL(isolate_sandbox_close(&sandbox), 0);
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
}

TEST(run_exit_codes) {
    begin();
    for (int code = 0; code < 256; code += code < 4 ? 1 : 17) {
        isolate_result result = run_victim(&sandbox, "exit", code, NULL);
        CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_EXITED);
        CHECK_EQUAL(result.outcome.value, code);
        CHECK_EQUAL(result.outcome.limits_hit, 0);
        CHECK(result.record.wall_ns > 0 && result.record.wall_ns < 10000000000);
        CHECK_EQUAL(result.record.user_ns + result.record.system_ns, result.record.cpu_ns);
        CHECK(result.record.layers != 0);
        isolate_result_free(&result);
    }
    end();
}

/* Who writes nothing has written an empty text. */
TEST(run_output_is_a_text) {
    begin();
    isolate_result result = run_victim(&sandbox, "exit", 0, NULL);
    CHECK_TEXT(result.output, "");
    CHECK_TEXT(result.error, "");
    CHECK_EQUAL(result.output_bytes, 0);
    isolate_result_free(&result);
    result = run_shell(&sandbox, "printf abc; printf de >&2", NULL);
    CHECK_TEXT(result.output, "abc");
    CHECK_TEXT(result.error, "de");
    isolate_result_free(&result);
    CHECK(result.output == NULL && result.output_bytes == 0 && result.error_bytes == 0);
    end();
}

/* A caller's mistake is told before anything is sent. */
TEST(run_incomplete_commands) {
    static const char *const arguments[] = {"true", NULL};
    const isolate_command commands[] = {{.arguments = arguments},
                                        {.executable = "true"},
                                        {.executable = "true", .arguments = arguments, .input_bytes = 1}};
    begin();
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        isolate_result result;
        isolate_failure failure;
        isolate_limits limits = wide_limits();
        test_context("command %d", (int)i);
        CHECK_EQUAL(isolate_sandbox_run(&sandbox, &commands[i], &limits, &result, &failure), -EINVAL);
        CHECK_TEXT(isolate_stage_name(failure.stage), "request");
        CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_FAILED);
        expect_exit(&sandbox, "exit 3", 3);
    }
    end();
}

TEST(run_signals) {
    static const int signals[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGILL,  SIGTRAP, SIGABRT, SIGBUS,
                                  SIGFPE,  SIGKILL, SIGUSR1, SIGSEGV, SIGPIPE, SIGALRM, SIGTERM,
                                  SIGXCPU, SIGXFSZ, SIGSYS,  34,      64};
    begin();
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        test_context("signal %d", signals[i]);
        isolate_result result = run_victim(&sandbox, "signal", signals[i], NULL);
        CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_SIGNALED);
        CHECK_EQUAL(result.outcome.value, signals[i]);
        CHECK_EQUAL(result.outcome.limits_hit, 0);
        isolate_result_free(&result);
    }
    end();
}

static void test_limits(const char *image, const char *image_end) {
    isolate_failure failure;
    isolate_start_options options = {.image = image, .image_bytes = (size_t)(image_end - image)};
    CHECK_OK(isolate_supervisor_start(&options, &supervisor, &failure));
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
        if (limit_cases[i].limit == ISOLATE_LIMIT_MEMORY)
            CHECK(result.record.peak_memory_bytes > 12 << 20 && result.record.peak_memory_bytes <= 17 << 20);
        if (limit_cases[i].limit == ISOLATE_LIMIT_CPU_TIME)
            CHECK(result.record.cpu_ns >= 50000000 && result.record.cpu_ns < 1000000000);
        if (limit_cases[i].limit == ISOLATE_LIMIT_OUTPUT) {
            CHECK_EQUAL(result.output_bytes, 1 << 20);
            CHECK_EQUAL(result.output_truncated, 1);
        }
        isolate_result_free(&result);
        isolate_sandbox_close(&sandbox);
    }
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
}

TEST(run_limits) {
    test_limits(supervisor_checked, supervisor_checked_end);
}

TEST(run_limits_with_the_plain_supervisor) {
    test_limits(supervisor_plain, supervisor_plain_end);
}

static uint64_t ticks_of(pid_t pid) {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, text, sizeof text - 1);
    unsigned long long user = 0, system = 0;
    close(fd);
    text[n > 0 ? n : 0] = 0;
    const char *fields = strrchr(text, ')');
    CHECK(fields != NULL);
    CHECK_EQUAL(sscanf(fields, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system), 2);
    return user + system;
}

/* The largest numbers are ordinary bounds: no sum overflows, no loop spins, and the sandbox continues. */
TEST(run_largest_limits) {
    begin();
    isolate_limits limits = wide_limits();
    uint64_t *const fields[] = {&limits.wall_ns,         &limits.cpu_ns,     &limits.memory_bytes,
                                &limits.processes,       &limits.disk_bytes, &limits.open_files,
                                &limits.file_size_bytes, &limits.stack_bytes};
    static const char *const names[] = {"wall", "cpu",       "memory",   "processes",
                                        "disk", "openFiles", "fileSize", "stack"};
    pid_t slot = child_of(supervisor.pid);
    for (int i = 0; i < 8; i++) {
        isolate_result result;
        isolate_failure failure;
        test_context("%s without a bound", names[i]);
        limits = wide_limits();
        *fields[i] = UINT64_MAX;
        uint64_t before = ticks_of(slot);
        const char *const arguments[] = {"sh", "-c", "sleep 0.3; exit 3", NULL};
        isolate_command command = {.executable = "sh", .arguments = arguments, .output_bytes = 10};
        int status = isolate_sandbox_run(&sandbox, &command, &limits, &result, &failure);
        if (fields[i] !=
            &limits.open_files) { /* the kernel has a largest number of descriptors, so an error is correct */
            CHECK_EQUAL(status, 0);
            CHECK_TEXT(isolate_stage_name(failure.stage), "none");
            CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_EXITED);
            CHECK_EQUAL(result.outcome.value, 3);
            CHECK(ticks_of(slot) - before < 10); /* of 30 */
        }
        isolate_result_free(&result);
        expect_exit(&sandbox, "exit 4", 4);
    }
    end();
}

/* 0 is a bound, too, and is enforced. The program may start or not, but it does not succeed. */
TEST(run_zero_limits) {
    static const struct {
        const char *name, *script;
        size_t field;
    } cases[] = {
        {"wall", "sleep 1", offsetof(isolate_limits, wall_ns)},
        {"cpu", "while :; do :; done", offsetof(isolate_limits, cpu_ns)},
        {"memory", "exec ./victim memory 32", offsetof(isolate_limits, memory_bytes)},
        {"processes", "sh -c true || exit 1; true", offsetof(isolate_limits, processes)},
        {"disk", "head -c 1000000 /dev/zero > f", offsetof(isolate_limits, disk_bytes)},
        {"openFiles", "exec 9</dev/null", offsetof(isolate_limits, open_files)},
        {"fileSize", "echo x > f", offsetof(isolate_limits, file_size_bytes)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        isolate_limits limits = wide_limits();
        isolate_result result;
        isolate_failure failure;
        const char *const arguments[] = {"sh", "-c", cases[i].script, NULL};
        isolate_command command = {.executable = "sh", .arguments = arguments, .output_bytes = 1000};
        test_context("%s of 0", cases[i].name);
        begin();
        *(uint64_t *)(void *)((char *)&limits + cases[i].field) = 0;
        int status = isolate_sandbox_run(&sandbox, &command, &limits, &result, &failure);
        if (status == 0)
            CHECK(result.outcome.kind != ISOLATE_OUTCOME_EXITED || result.outcome.value != 0);
        else
            CHECK(failure.stage != 0);
        isolate_result_free(&result);
        end();
    }
}

/* The first and the last processor that this process may use. */
static void first_and_last_processor(int *first, int *last) {
    cpu_set_t allowed;
    CHECK_EQUAL(sched_getaffinity(0, sizeof allowed, &allowed), 0);
    *first = -1;
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &allowed)) {
            *first = *first < 0 ? i : *first;
            *last = i;
        }
}

/* A set is the run's as it is; with a number, too, that many of it. A processor that is not there is a
 * failure. */
TEST(run_has_its_set_of_processors) {
    int ends[2] = {0};
    first_and_last_processor(&ends[0], &ends[1]);
    begin();
    for (int i = 0; i < 4; i++) {
        isolate_limits limits = wide_limits();
        char expected[64];
        limits.cpu_set[ends[i % 2] / 64] |= 1ull << (ends[i % 2] % 64);
        limits.cpus = i >= 2;
        snprintf(expected, sizeof expected, "%d\n", ends[i % 2]);
        isolate_result result = run_shell(&sandbox,
                                          "while read -r key list; do test $key != Cpus_allowed_list: || "
                                          "echo $list; done </proc/self/status",
                                          &limits);
        CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_EXITED);
        CHECK_TEXT(result.output, expected);
        isolate_result_free(&result);
    }
    isolate_limits limits = wide_limits();
    limits.cpu_set[ends[0] / 64] |= 1ull << (ends[0] % 64);
    limits.cpu_set[ISOLATE_CPU_SET_WORDS - 1] |= 1ull << 63;
    const char *const arguments[] = {"sh", "-c", "exit 3", NULL};
    isolate_command command = {.executable = "sh", .arguments = arguments, .output_bytes = 10};
    isolate_result result;
    isolate_failure failure;
    CHECK_EQUAL(isolate_sandbox_run(&sandbox, &command, &limits, &result, &failure), -EINVAL);
    CHECK_EQUAL(failure.stage, ISOLATE_STAGE_PROCESSORS);
    CHECK_EQUAL(failure.index, 1 + 1023);
    CHECK_EQUAL(failure.errno_value, EINVAL);
    end();
}

/* The processors that the shell reports: no more than requested, from the first one on, wrapping around. */
TEST(run_bounds_processors) {
    int count = isolate_processor_count();
    char all[256], first[256], second[256];
    CHECK(count > 0);
    begin();
    for (uint64_t cpus = 0; cpus <= (uint64_t)count + 1; cpus++) {
        isolate_limits limits = wide_limits();
        limits.cpus = cpus;
        isolate_result result = run_shell(&sandbox, "nproc", &limits);
        test_context("%d of %d processors", (int)cpus, count);
        CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_EXITED);
        CHECK_EQUAL(atoi(result.output), cpus == 0 || cpus > (uint64_t)count ? count : (int)cpus);
        isolate_result_free(&result);
    }
    for (uint64_t at = 0; at < 4; at++) {
        isolate_limits limits = wide_limits();
        char *set = at == 0 ? first : at == 1 ? second : all;
        limits.cpus = 1;
        limits.cpu_first = at < 2 ? at : at == 2 ? (uint64_t)count : ~0ull;
        isolate_result result =
            run_shell(&sandbox, "grep Cpus_allowed_list /proc/self/status && nproc", &limits);
        CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_EXITED);
        snprintf(set, sizeof all, "%s", result.output);
        if (at == 1)
            CHECK_EQUAL(strcmp(first, second) != 0, count > 1);
        if (at == 2)
            CHECK_TEXT(all, first); /* wrapped around */
        CHECK(strstr(set, "\n1\n") != NULL);
        isolate_result_free(&result);
    }
    end();
}

/* The effect of each of the caller's choices on a harmless call and on one that only an attack needs. */
TEST(run_blocked_calls) {
    static const struct {
        const char *call;
        int blocked, kind, value; /* value: the errno with which the program exits */
    } cases[] = {
        {"socket", ISOLATE_BLOCKED_STANDARD, ISOLATE_OUTCOME_EXITED, EAFNOSUPPORT},
        {"chroot", ISOLATE_BLOCKED_STANDARD, ISOLATE_OUTCOME_BLOCKED, 0},
        {"socket", ISOLATE_BLOCKED_END, ISOLATE_OUTCOME_BLOCKED, 0},
        {"chroot", ISOLATE_BLOCKED_END, ISOLATE_OUTCOME_BLOCKED, 0},
        {"socket", ISOLATE_BLOCKED_DENY, ISOLATE_OUTCOME_EXITED, EAFNOSUPPORT},
        {"chroot", ISOLATE_BLOCKED_DENY, ISOLATE_OUTCOME_EXITED, EPERM},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const arguments[] = {"./victim", cases[i].call, NULL};
        isolate_command command = {.executable = "./victim",
                                   .arguments = arguments,
                                   .blocked = cases[i].blocked,
                                   .output_bytes = 100};
        isolate_limits limits = wide_limits();
        isolate_result result;
        isolate_failure failure;
        char name[32];
        begin();
        test_context("%s, choice %d", cases[i].call, cases[i].blocked);
        CHECK_OK(isolate_sandbox_run(&sandbox, &command, &limits, &result, &failure));
        CHECK_EQUAL(result.outcome.kind, cases[i].kind);
        int is_listed = cases[i].kind == ISOLATE_OUTCOME_EXITED;
        if (is_listed)
            CHECK_EQUAL(result.outcome.value, cases[i].value);
        CHECK_EQUAL(result.record.denied_count, is_listed ? 1 : 0);
        isolate_syscall_name(is_listed ? result.record.denied[0] : result.record.blocked, name, sizeof name);
        CHECK_TEXT(name, cases[i].call);
        isolate_result_free(&result);
        end();
    }
}

TEST(run_thousand_quick_ones) {
    begin();
    int descriptors = descriptor_count();
    for (int i = 0; i < 1000; i++) {
        test_context("run %d", i);
        isolate_result result = run_victim(&sandbox, "exit", i % 251, NULL);
        CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_EXITED);
        CHECK_EQUAL(result.outcome.value, i % 251);
        CHECK_EQUAL(result.record.serial, i + 1);
        isolate_result_free(&result);
    }
    CHECK_EQUAL(descriptor_count(), descriptors);
    end();
}

/* Another process may kill the process that waits for a request: the next call soon returns, and the call
 * after it is correct. */
TEST(run_after_the_waiting_process_was_killed) {
    static const char *const names[] = {"program", "init", "seat"};
    for (int i = 0; i < 3; i++) {
        isolate_failure failure;
        isolate_result result;
        isolate_limits limits = wide_limits();
        pid_t target = 0;
        test_context("killed: %s", names[i]);
        begin();
        pid_t slot = child_of(supervisor.pid);
        CHECK(slot > 0);
        target = named_child_of(slot, names[i]);
        CHECK(target > 0);
        CHECK_OK(kill(target, SIGKILL));
        sleep_ms(100);
        uint64_t start = now_ms();
        if (call_victim(&sandbox, "exit", 5, &limits, &result, &failure) == 0) {
            CHECK_EQUAL(result.outcome.value, 5);
            CHECK_EQUAL(failure.stage, 0);
            isolate_result_free(&result);
        } else {
            CHECK(failure.stage != 0);
        }
        CHECK(now_ms() - start < GONE_WITHIN_MS);
        for (int run = 6; run < 9; run++) /* an error again, or the answer to this very run */
            if (call_victim(&sandbox, "exit", run, &limits, &result, &failure) == 0) {
                CHECK_EQUAL(result.outcome.value, run);
                isolate_result_free(&result);
            }
        CHECK(now_ms() - start < GONE_WITHIN_MS);
        isolate_sandbox_close(&sandbox);
        use_supervisor(&supervisor);
        CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
    }
}
