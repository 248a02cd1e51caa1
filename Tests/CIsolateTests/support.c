/* A supervisor, a sandbox and a run in one line each. */
#include "support.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

isolate_start_options start_options(uint32_t fail_stage) {
    return (isolate_start_options){.image = supervisor_checked,
                                   .image_bytes = (size_t)(supervisor_checked_end - supervisor_checked),
                                   .fail_stage = fail_stage};
}

isolate_limits wide_limits(void) {
    return (isolate_limits){.wall_ns = 20000000000,
                            .cpu_ns = 20000000000,
                            .memory_bytes = 256 << 20,
                            .processes = 64,
                            .file_size_bytes = 64 << 20,
                            .disk_bytes = 64 << 20,
                            .open_files = 256,
                            .stack_bytes = 8 << 20};
}

void start_supervisor(isolate_supervisor *supervisor) {
    isolate_start_options options = start_options(0);
    isolate_failure failure;
    int result = isolate_supervisor_start(&options, supervisor, &failure);
    if (result < 0)
        test_fail(__FILE__, __LINE__, "start: %d, stage %s errno %d index %d", result,
                  isolate_stage_name(failure.stage), failure.errno_value, failure.index);
}

void open_sandbox(isolate_supervisor *supervisor, isolate_sandbox *sandbox) {
    isolate_failure failure;
    int result = isolate_sandbox_open(supervisor, wide_limits().disk_bytes, sandbox, &failure);
    if (result < 0)
        test_fail(__FILE__, __LINE__, "open: %d, stage %s errno %d index %d", result,
                  isolate_stage_name(failure.stage), failure.errno_value, failure.index);
}

void write_victim(isolate_sandbox *sandbox) {
    isolate_failure failure;
    CHECK_EQUAL(isolate_sandbox_write(sandbox, "victim", victim_program,
                                      (size_t)(victim_program_end - victim_program), 1, &failure),
                0);
}

int call_victim(isolate_sandbox *sandbox, const char *word, int number, const isolate_limits *limits,
                isolate_result *result, isolate_failure *failure) {
    char text[16];
    snprintf(text, sizeof text, "%d", number);
    const char *const arguments[] = {"./victim", word, number < 0 ? NULL : text, NULL};
    isolate_command command = {.executable = arguments[0], .arguments = arguments, .output_bytes = 1 << 20};
    return isolate_sandbox_run(sandbox, &command, limits, result, failure);
}

static void check_run(int status, const isolate_failure *failure, const char *what) {
    if (status != 0)
        test_fail(__FILE__, __LINE__, "run %s: %d, stage %s errno %d index %d", what, status,
                  isolate_stage_name(failure->stage), failure->errno_value, failure->index);
}

isolate_result run_victim(isolate_sandbox *sandbox, const char *word, int number,
                          const isolate_limits *limits) {
    isolate_result result;
    isolate_failure failure;
    isolate_limits wide = wide_limits();
    int status = call_victim(sandbox, word, number, limits != NULL ? limits : &wide, &result, &failure);
    check_run(status, &failure, word);
    return result;
}

isolate_result run_shell(isolate_sandbox *sandbox, const char *script, const isolate_limits *limits) {
    const char *const arguments[] = {"sh", "-c", script, NULL};
    isolate_command command = {.executable = "sh", .arguments = arguments, .output_bytes = 1 << 20};
    isolate_result result;
    isolate_failure failure;
    isolate_limits wide = wide_limits();
    int status = isolate_sandbox_run(sandbox, &command, limits != NULL ? limits : &wide, &result, &failure);
    check_run(status, &failure, script);
    return result;
}

void expect_exit(isolate_sandbox *sandbox, const char *script, int code) {
    isolate_result result = run_shell(sandbox, script, NULL);
    CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_EXITED);
    CHECK_EQUAL(result.outcome.value, code);
    isolate_result_free(&result);
}

void use_supervisor(isolate_supervisor *supervisor) {
    isolate_sandbox sandbox;
    open_sandbox(supervisor, &sandbox);
    expect_exit(&sandbox, "exit 7", 7);
    isolate_sandbox_close(&sandbox);
}

void use_once(void) {
    isolate_supervisor supervisor;
    start_supervisor(&supervisor);
    use_supervisor(&supervisor);
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
}

static void tighten_wall(isolate_limits *limits) {
    limits->wall_ns = 50000000;
}

static void tighten_cpu(isolate_limits *limits) {
    limits->cpu_ns = 50000000;
}

static void tighten_memory(isolate_limits *limits) {
    limits->memory_bytes = 16 << 20;
}

static void tighten_processes(isolate_limits *limits) {
    limits->processes = 4;
}

static void tighten_disk(isolate_limits *limits) {
    limits->disk_bytes = 4 << 20;
}

static void tighten_file_size(isolate_limits *limits) {
    limits->file_size_bytes = 1 << 20;
}

static void tighten_open_files(isolate_limits *limits) {
    limits->open_files = 16;
}

static void tighten_stack(isolate_limits *limits) {
    limits->stack_bytes = 2 << 20;
}

static void tighten_nothing(isolate_limits *limits) {
    (void)limits;
}

const struct limit_case limit_cases[] = {
    {"wallTime", "sleep", -1, tighten_wall, ISOLATE_LIMIT_WALL_TIME},
    {"cpuTime", "spin", -1, tighten_cpu, ISOLATE_LIMIT_CPU_TIME},
    {"memory", "memory", 64, tighten_memory, ISOLATE_LIMIT_MEMORY},
    {"output", "flood", -1, tighten_nothing, ISOLATE_LIMIT_OUTPUT},
    {"processes", "fork", -1, tighten_processes, ISOLATE_LIMIT_PROCESSES},
    {"disk", "disk", -1, tighten_disk, ISOLATE_LIMIT_DISK},
    {"fileSize", "fileSize", -1, tighten_file_size, ISOLATE_LIMIT_FILE_SIZE},
    {"openFiles", "open", -1, tighten_open_files, ISOLATE_LIMIT_OPEN_FILES},
    {"stack", "stack", -1, tighten_stack, ISOLATE_LIMIT_STACK},
};
const int limit_case_count = sizeof limit_cases / sizeof limit_cases[0];

static void *run_in_background(void *argument) {
    struct background_run *run = argument;
    uint64_t start = now_ms();
    run->status = call_victim(run->sandbox, run->word, -1, &run->limits, &run->result, &run->failure);
    run->milliseconds = now_ms() - start;
    return NULL;
}

void background_start(struct background_run *run, isolate_sandbox *sandbox, const char *word) {
    isolate_limits limits = wide_limits();
    background_start_limited(run, sandbox, word, &limits);
}

void background_start_limited(struct background_run *run, isolate_sandbox *sandbox, const char *word,
                              const isolate_limits *limits) {
    *run = (struct background_run){.sandbox = sandbox, .word = word, .limits = *limits};
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, NULL, run_in_background, run), 0);
    run->thread = thread;
}

void background_join(struct background_run *run) {
    CHECK_EQUAL(pthread_join(run->thread, NULL), 0);
}

uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void sleep_ms(unsigned milliseconds) {
    struct timespec time = {milliseconds / 1000, (long)(milliseconds % 1000) * 1000000};
    while (nanosleep(&time, &time) < 0 && errno == EINTR) {
    }
}

pid_t fork_child(void) {
    pid_t parent = getpid(), pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent && parent != 1)
            _exit(1);
    }
    return pid;
}

int wait_child(pid_t pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status);
}
