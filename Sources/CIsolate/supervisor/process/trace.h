/* What the tracer learns from the program's main thread. */
#ifndef ISOLATE_PROCESS_TRACE_H
#define ISOLATE_PROCESS_TRACE_H

#include "slot_state.h"

struct trace_evidence {
    int stack_overflow;
    int file_size;
    int open_files;
    uint64_t peak_resident_bytes; /* since exec, at the exit of the first thread; 0: not known */
    uint64_t file_resident_bytes, shared_resident_bytes; /* of it, then: mapped files, of a tmpfs apart */
};
/* Seizes a process that lives on when we let it, and dies with us. 0, or -errno. */
int trace_attach(int pid);
/* The program's first process has stopped with this status of wait4: notes what it tells, and lets it go on.
 */
void trace_handle_stop(struct slot *slot, int status, const struct isolate_limits *limits,
                       struct trace_evidence *evidence);
/* Lets somebody go on who stopped for us and is not the program's first process: nobody else would. */
void trace_release_stranger(int pid);

#endif
