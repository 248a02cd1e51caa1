/* How many processes the kernel counts for this process's user. */
#ifndef ISOLATE_ACCOUNTING_NPROC_H
#define ISOLATE_ACCOUNTING_NPROC_H

#include <stdint.h>

/* Whether one process more than now is within this RLIMIT_NPROC. */
int nproc_has_room(uint64_t limit);
/* The user's processes and threads, this one included; near `guess` they are found with few tries. */
uint64_t nproc_count(uint64_t guess);

#endif
