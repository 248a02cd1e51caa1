/* Reads what a program can keep locked; without a cgroup only. */
#ifndef ISOLATE_ACCOUNTING_LOOKER_H
#define ISOLATE_ACCOUNTING_LOOKER_H

#include "slot_state.h"

/* 0, or -errno. */
int looker_start(struct slot *slot);
/* A process's part of what it shares with others; 1 or more, -EAGAIN when that cannot be told in time, or
 * another -errno. */
int looker_read_part(const struct slot *slot, int entry, uint64_t *bytes);

#endif
