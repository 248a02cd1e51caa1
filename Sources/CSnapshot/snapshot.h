/*
 * A snapshot of a process as an executable file: whoever executes it goes on where the process stood.
 *
 * The library is preloaded into an interpreter, which loads what programs will need, and then calls the
 * function of getpgid.c. take.c writes the process's memory as an ELF executable whose entry is restore.c.
 * Each run of that file is a new process with everything the kernel gives one: nothing is shared with the
 * process that was written, or with other runs, but bytes that none of them can change.
 *
 * It is code for the inside of a sandbox: it needs no right, and whoever misuses it harms the own process.
 */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include <stdint.h>

#include "context.h"

enum {
    SNAPSHOT_PAGE = 4096,
    SNAPSHOT_RANGES = 2048,
    SNAPSHOT_SPECIAL = 4,
    SNAPSHOT_FILES = 512,
    SNAPSHOT_SIGNALS = 64,
    SNAPSHOT_RSEQ_BYTES = 32, /* the size that every version of the C library registers */
    SNAPSHOT_NAMES = 32 << 10,
    SNAPSHOT_HEADER_BYTES = 16 * SNAPSHOT_PAGE, /* of the executable; the touched pages stand behind them */
    SNAPSHOT_TOUCHED = SNAPSHOT_PAGE / 16
};

struct snapshot_signal {
    uint64_t handler, flags, restorer, mask;
};

/* What restore.c maps itself: memory that is zero, or a part of a file of the image that is as it was. */
struct snapshot_range {
    uint64_t start, end, offset;
    uint32_t file; /* an index of files[]; 0: none */
    uint32_t protection;
};

/* A file of the image; the interpreter is executed anew where there is another one. */
struct snapshot_file {
    uint32_t name;                       /* in names[] */
    int64_t bytes, seconds, nanoseconds; /* its size and when it was changed */
};

/* What is restored, in the memory that is written. */
struct snapshot {
    struct context context;
    uint64_t vdso;                                   /* where the kernel's own code was */
    struct snapshot_range special[SNAPSHOT_SPECIAL]; /* the mappings of it and its data */
    struct snapshot_range stack;                     /* the first thread's */
    uint64_t stack_used;                             /* the address from which on it is in use */
    uint64_t robust_list, robust_list_bytes;
    uint64_t thread_number; /* where the C library has the thread's number */
    uint64_t restartable;   /* the C library's rseq area; 0: none */
    uint64_t signal_mask;
    struct snapshot_signal signals[SNAPSHOT_SIGNALS + 1];
    struct snapshot_range ranges[SNAPSHOT_RANGES];
    unsigned range_count, special_count;
    struct snapshot_file files[SNAPSHOT_FILES]; /* from the second on */
    unsigned file_count;
    char names[SNAPSHOT_NAMES]; /* each with its NUL */
    unsigned names_bytes;
    uint64_t *first_stack; /* of a restored process: the kernel's, with its arguments */
    char interpreter[256]; /* executed where the snapshot cannot be restored; empty: unknown */
};

extern struct snapshot snapshot;

/* The place where the stack's bytes wait in a new process: far from what the kernel maps by itself. */
#define SNAPSHOT_STACK_COPY 0x100000000000ul

/* Where memory was that a first restored process wrote to: pairs of a start and an end, 0 behind the last.
 * sitecustomize.py writes them into the executable; restore.c has the kernel provide all of it at once, which
 * costs less than to be interrupted for each page. */
#define SNAPSHOT_TOUCHED_PLACE (SNAPSHOT_STACK_COPY - SNAPSHOT_PAGE)

struct snapshot_touched {
    uint64_t start, end;
};

/* Writes a snapshot of the calling process, which has one thread, to a file. Returns 0 when it is written, 1
 * in a process that was restored from it, or -errno. */
int snapshot_take(int file);

/* In a restored process: executes the interpreter anew, with the same arguments. */
__attribute__((noreturn)) void snapshot_give_up(void);

/* The entry of the executable. */
void snapshot_entry(void);

#endif
