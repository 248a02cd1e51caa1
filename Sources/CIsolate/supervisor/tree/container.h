/* A container as a sandbox; sandboxes use it one after another. */
#ifndef ISOLATE_TREE_CONTAINER_H
#define ISOLATE_TREE_CONTAINER_H

#include "slot_state.h"

/* Begins a sandbox. */
struct isolate_failure container_open(struct slot *slot);
/* Removes what a sandbox left in every place where it could write; -EBUSY when some of it remains. */
int container_wipe(struct slot *slot);
/* Removes what outlives a run's processes and belongs to one run: System V IPC, message queues. */
void container_end_run(struct slot *slot);

#endif
