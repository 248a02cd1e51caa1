/* A supervisor, a sandbox and a run in one line each; every failing step ends the test. */
#ifndef SUPPORT_H
#define SUPPORT_H

#include "isolate.h"

extern const char supervisor_plain[], supervisor_plain_end[];
extern const char supervisor_checked[], supervisor_checked_end[];
extern const char victim_program[], victim_program_end[];

/* Options with the checked supervisor, and the stage that must fail, or 0. */
isolate_start_options start_options(uint32_t fail_stage);

/* Bounds that no ordinary test program meets. */
isolate_limits wide_limits(void);

void start_supervisor(isolate_supervisor *supervisor);
void open_sandbox(isolate_supervisor *supervisor, isolate_sandbox *sandbox);

/* Writes the victim program to the sandbox as ./victim. */
void write_victim(isolate_sandbox *sandbox);

/* ./victim WORD [NUMBER], with isolate_sandbox_run's own result. number < 0: no argument. */
int call_victim(isolate_sandbox *sandbox, const char *word, int number, const isolate_limits *limits,
                isolate_result *result, isolate_failure *failure);

/* The same; fails the test when the sandbox failed. The caller frees the result. */
isolate_result run_victim(isolate_sandbox *sandbox, const char *word, int number,
                          const isolate_limits *limits);
isolate_result run_shell(isolate_sandbox *sandbox, const char *script, const isolate_limits *limits);

/* Runs a command with standard limits; it must exit with this code. */
void expect_exit(isolate_sandbox *sandbox, const char *script, int code);

/* Starts, opens, runs one program, closes and stops. */
void use_once(void);
void use_supervisor(isolate_supervisor *supervisor);

/* One way to meet each limit. */
struct limit_case {
    const char *name;
    const char *word;
    int number;
    void (*tighten)(isolate_limits *limits);
    int limit; /* enum isolate_limit_kind */
};
extern const struct limit_case limit_cases[];
extern const int limit_case_count;

/* A run in a thread of its own, so that the test can interfere. */
struct background_run {
    isolate_sandbox *sandbox;
    const char *word;
    isolate_limits limits;
    unsigned long thread;
    int status;
    isolate_result result;
    isolate_failure failure;
    uint64_t milliseconds;
};
void background_start(struct background_run *run, isolate_sandbox *sandbox, const char *word);
void background_start_limited(struct background_run *run, isolate_sandbox *sandbox, const char *word,
                              const isolate_limits *limits);
void background_join(struct background_run *run);

uint64_t now_ms(void);
void sleep_ms(unsigned milliseconds);

/* A process that dies with its parent. Returns 0 in the child. */
pid_t fork_child(void);
/* Its exit status (exit code, or 256 + signal). */
int wait_child(pid_t pid);

#endif
