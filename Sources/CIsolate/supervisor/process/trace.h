/* Evidence that the tracer finds in the program's main thread. */
#ifndef ISOLATE_PROCESS_TRACE_H
#define ISOLATE_PROCESS_TRACE_H

#include "slot_state.h"

struct trace_evidence {
    int stack_overflow;
    int file_size;
    int open_files;
    /* When the first thread began to exit and there was no other one: before any descriptor of the program
     * was closed, so whatever another program does upon that is later. 0: the program ended otherwise. */
    uint64_t exit_ns;
    uint64_t peak_resident_bytes; /* since exec, at the exit of the first thread; 0: unknown */
    /* Of it, at that time: mapped files, those of a tmpfs apart. */
    uint64_t file_resident_bytes, shared_resident_bytes;
    /* Without a cgroup: how much of the latter can be the program's own file, which stood in a tmpfs before
     * the run. */
    uint64_t program_file_bytes;
};
/* Seizes a process, which continues when this tracer resumes it and dies with it. 0, or -errno. */
int trace_attach(int pid);
/* The program's first process has stopped with this wait4 status: notes the evidence, and resumes the
 * process. `exact_date_ns`: of the ready record. */
void trace_handle_stop(struct slot *slot, int status, const struct isolate_limits *limits,
                       uint64_t exact_date_ns, struct trace_evidence *evidence);
/* When the run began to end: the exit's time, or that of the slot's decision to end it, if it made one. A
 * program that the kernel killed may have ended before the decision. */
uint64_t trace_end_ns(const struct trace_evidence *evidence, uint64_t decided_ns);
/* Resumes a traced process that is not the program's first one: no other tracer would. */
void trace_release_stranger(int pid);

#endif
