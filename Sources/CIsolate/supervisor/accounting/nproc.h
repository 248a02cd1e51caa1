/* Counts the processes that the kernel counts for this process's user. */
#ifndef ISOLATE_ACCOUNTING_NPROC_H
#define ISOLATE_ACCOUNTING_NPROC_H

#include <stdint.h>

/* Whether this RLIMIT_NPROC permits one more process. */
int nproc_has_room(uint64_t limit);
/* The number of the user's processes and threads, this one included. The closer `guess`, the fewer tries. */
uint64_t nproc_count(uint64_t guess);

#endif
