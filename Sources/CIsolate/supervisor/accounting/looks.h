/* Looking at what no counter of the kernel's tells. */
#ifndef ISOLATE_ACCOUNTING_LOOKS_H
#define ISOLATE_ACCOUNTING_LOOKS_H

#include <stdint.h>

/* CPU time of a process, in ns; 0: the caller's own. A dead one has none. */
uint64_t looks_process_clock(int pid);
/* In how many ns to look again: before so much memory could be filled. */
uint64_t looks_next_ns(uint64_t free_bytes);

#endif
