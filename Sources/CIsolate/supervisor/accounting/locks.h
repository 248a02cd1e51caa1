/* Bounds record locks, which the kernel charges to no cgroup. */
#ifndef ISOLATE_ACCOUNTING_LOCKS_H
#define ISOLATE_ACCOUNTING_LOCKS_H

#include "answer.h"
#include "slot_state.h"

struct lock_calls {
    unsigned of_files, of_processes, uncounted;
    int have_own_tables; /* threads may have: their locks cannot be counted */
};
enum lock_answer { LOCK_GO_ON, LOCK_REFUSE, LOCK_TOO_MANY };
/* Decides on a call that may take a record lock, and counts it. */
enum lock_answer locks_answer(const struct slot *slot, struct lock_calls *calls, enum told_call call);

#endif
