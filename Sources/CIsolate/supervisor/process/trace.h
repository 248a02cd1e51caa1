/* Evidence that the tracer finds in the program's main thread. */
#ifndef ISOLATE_PROCESS_TRACE_H
#define ISOLATE_PROCESS_TRACE_H

#include "slot_state.h"

struct trace_evidence {
    int stack_overflow;
    int file_size;
    int open_files;
    uint64_t peak_resident_bytes; /* since exec, at the exit of the first thread; 0: unknown */
    /* Of it, at that time: mapped files, those of a tmpfs apart. */
    uint64_t file_resident_bytes, shared_resident_bytes;
};
/* Seizes a process, which continues when this tracer resumes it and dies with it. 0, or -errno. */
int trace_attach(int pid);
/* The program's first process has stopped with this wait4 status: notes the evidence, and resumes the
 * process. */
void trace_handle_stop(struct slot *slot, int status, const struct isolate_limits *limits,
                       struct trace_evidence *evidence);
/* Resumes a traced process that is not the program's first one: no other tracer would. */
void trace_release_stranger(int pid);

#endif
