/* Processes with no sandbox around them: what a run is measured against. */
#ifndef BARE_H
#define BARE_H

#include <stdint.h>

/* Starts argv[0] (a path) with stdout and stderr on /dev/null, and waits: its exit status, or -1 for any
 * other end. */
int bare_spawn(char *const argv[]);

/* The same by fork and execve, which copies the caller's page tables. */
int bare_fork(char *const argv[]);

/* Runs argv by posix_spawn from `threads` threads for `nanoseconds`: how many runs ended with status 0, or
 * -1. */
int64_t bare_spawn_many(char *const argv[], int threads, int64_t nanoseconds);

#endif
