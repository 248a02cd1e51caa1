/* A container as a sandbox: one after another uses it. */
#ifndef ISOLATE_TREE_CONTAINER_H
#define ISOLATE_TREE_CONTAINER_H

#include "slot_state.h"

/* A sandbox begins. */
struct isolate_failure container_open(struct slot *slot);
/* Removes what a sandbox left in every place that it could write to; -EBUSY: not everything went. */
int container_wipe(struct slot *slot);
/* What outlives its processes and belongs to one run: System V IPC, message queues. */
void container_end_run(struct slot *slot);

#endif
