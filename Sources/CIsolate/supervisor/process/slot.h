/* The slot's process. */
#ifndef ISOLATE_PROCESS_SLOT_H
#define ISOLATE_PROCESS_SLOT_H

#include "slot_state.h"

/* Starts a slot's process, in its own namespaces where there are any, with its ids mapped. `sync`: the
 * supervisor's end of slot->sync. Returns its pid, or -errno; a pid together with a failure must be
 * killed. */
int slot_start(struct slot *slot, int sync, int *pidfd, struct isolate_failure *failure);

#endif
