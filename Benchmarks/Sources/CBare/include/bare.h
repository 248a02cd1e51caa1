/* Processes without a sandbox, with which a run is compared. */
#ifndef BARE_H
#define BARE_H

#include <stddef.h>
#include <stdint.h>

/* Starts argv[0] (a path) by posix_spawn and waits: the exit status, or -1 for any other end. */
int bare_spawn(char *const argv[]);

/* The same with stdout on /dev/null. */
int bare_spawn_quiet(char *const argv[]);

/* The same by fork and execve, which copies the caller's page tables. */
int bare_fork(char *const argv[]);

/* Starts both by posix_spawn, the stdout of each on a pipe to the stdin of the other, and waits for both: 0,
 * or -1 when one of them failed. */
int bare_talk(char *const first[], char *const second[]);

/*
 * Runs argv by posix_spawn, stdout on /dev/null, from `threads` threads for `nanoseconds`.
 * Returns how many runs there were, or -1 when one of them failed.
 */
int64_t bare_spawn_many(char *const argv[], int threads, int64_t nanoseconds);

/*
 * Runs argv `count` times by posix_spawn from `threads` threads, each with the input on a pipe to its stdin,
 * and compares what it writes to its stdout with the answer. 0, or -1 when one run failed or was wrong.
 */
int bare_judge(char *const argv[], const void *input, size_t input_bytes, const void *answer,
               size_t answer_bytes, int threads, int64_t count);

#endif
