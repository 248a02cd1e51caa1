/* The slot's process. */
#ifndef ISOLATE_PROCESS_SLOT_H
#define ISOLATE_PROCESS_SLOT_H

#include "slot_state.h"

/* A slot's process, in its own namespaces where there are any, its ids mapped. `sync`: our end of slot->sync.
 * pid, or -errno; a pid with a failure is one that must be killed. */
int slot_start(struct slot *slot, int sync, int *pidfd, struct isolate_failure *failure);

#endif
