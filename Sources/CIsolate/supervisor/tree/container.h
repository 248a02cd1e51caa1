/* /work, /tmp and /dev/shm that an engine made, for one sandbox after another. */
#ifndef ISOLATE_TREE_CONTAINER_H
#define ISOLATE_TREE_CONTAINER_H

#include "slot_state.h"

struct isolate_failure container_open(struct slot *slot);
/* Removes what a sandbox left in every place that it could write to; -EBUSY: not everything went. */
int container_wipe(struct slot *slot);
/* What outlives its processes and belongs to one run: System V IPC, message queues. */
void container_end_run(struct slot *slot);
int container_is_full(struct slot *slot);
/* While a run goes on: bytes that it may still write; 0: it is full. */
uint64_t container_look(struct slot *slot);
/* A run begins. */
void container_begin_looks(struct slot *slot);
/* What is there from now on is from before the run. */
void container_note_use(struct slot *slot);
/* Memory of its files, in bytes. */
uint64_t container_held(const struct slot *slot);
/* Whether a limit of so many bytes is above what its places hold. */
int container_holds_less(uint64_t bytes);
int container_has_room(const struct slot *slot, uint64_t bytes);

#endif
