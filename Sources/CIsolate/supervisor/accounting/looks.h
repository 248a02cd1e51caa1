/* Sampling where the kernel has no counter. */
#ifndef ISOLATE_ACCOUNTING_LOOKS_H
#define ISOLATE_ACCOUNTING_LOOKS_H

#include <stdint.h>

/* CPU time of a process, in ns; pid 0: the caller's own. 0 for a dead process. */
uint64_t looks_process_clock(int pid);
/* In how many ns the next sample is due: before this much memory could be filled. */
uint64_t looks_next_ns(uint64_t free_bytes);

#endif
