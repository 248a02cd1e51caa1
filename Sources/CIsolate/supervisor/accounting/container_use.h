/* How much of its disk limit a container's sandbox has used. */
#ifndef ISOLATE_ACCOUNTING_CONTAINER_USE_H
#define ISOLATE_ACCOUNTING_CONTAINER_USE_H

#include "slot_state.h"

/* Where a program can write, but for a writable root. The last one holds message queues, which take no room
 * of the others. */
enum { CONTAINER_TMPFS = 3, CONTAINER_DIRECTORIES };
extern const char *const container_directories[CONTAINER_DIRECTORIES];

int container_is_full(struct slot *slot);
/* While a run goes on: bytes that it may still write; 0: it is full. */
uint64_t container_look(struct slot *slot);
/* A run begins. */
void container_begin_looks(struct slot *slot);
/* It has ended: what went to a writable root meanwhile counts until the next look at it. */
void container_end_looks(struct slot *slot);
/* What is there from now on is from before the run. */
void container_note_use(struct slot *slot);
/* Memory of its files, in bytes. */
uint64_t container_held(const struct slot *slot);
int container_holds_nothing(void);
/* Whether a limit of so many bytes is above what its places hold. */
int container_holds_less(uint64_t bytes);
int container_has_room(const struct slot *slot, uint64_t bytes);

#endif
