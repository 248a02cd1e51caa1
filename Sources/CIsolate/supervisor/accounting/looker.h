/* Reads files of proc that a program can block; used without a cgroup only. */
#ifndef ISOLATE_ACCOUNTING_LOOKER_H
#define ISOLATE_ACCOUNTING_LOOKER_H

#include "slot_state.h"

/* 0, or -errno. */
int looker_start(struct slot *slot);
/* A process's proportional part of memory shared with others. Returns 1 or more, -EAGAIN when no answer comes
 * in time, or another -errno. *spare_ns: for how long it may wait beyond that, in all calls together, while
 * the looker only waits for a processor; it is lowered by what was used. */
int looker_read_part(const struct slot *slot, int entry, uint64_t *spare_ns, uint64_t *bytes);

#endif
