/* What Swift's Glibc does not show of Linux: extensions that need _GNU_SOURCE. All set errno and return -1
   when they fail. */
#pragma once

#include <sys/eventfd.h>

/* As O_PATH: a descriptor to start other paths from, for a directory that may not be readable. */
#define CSPAWN_O_PATH 010000000

/* Opens a path below `directory`. A symbolic link in any part of it is ELOOP, and it does not lead out with
 * "..". */
int cspawn_open_beneath(int directory, const char *path, int flags);

/* A pipe that no program inherits. The end `ours`, 0 to read or 1 to write, does not block. */
int cspawn_pipe(int ends[2], int ours);

/* A program that was started. */
struct cspawn_program {
    int pid;
    int handle; /* a pidfd: readable when the program has ended */
    int output; /* the reading ends of stdout and stderr; they do not block */
    int errors;
};

/* Starts `path` in `directory` as the leader of a process group of its own, with `input` as stdin, pipes as
   stdout and stderr, no other descriptors, and all signals as they are by default. Fails for what fails in
   the child, too. */
int cspawn_start(struct cspawn_program *program, const char *path, char *const arguments[],
                 char *const variables[], const char *directory, int input);
