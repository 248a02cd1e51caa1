/* How much of its disk limit a container's sandbox has used. */
#ifndef ISOLATE_ACCOUNTING_CONTAINER_USE_H
#define ISOLATE_ACCOUNTING_CONTAINER_USE_H

#include "slot_state.h"

/* Directories where a program can write, besides a writable root. The last one holds message queues, which
 * use no space of the others. */
enum { CONTAINER_TMPFS = 3, CONTAINER_DIRECTORIES };
extern const char *const container_directories[CONTAINER_DIRECTORIES];

int container_is_full(struct slot *slot);
/* During a run: how many bytes it may still write; 0: it is full. */
uint64_t container_look(struct slot *slot);
/* A run begins. */
void container_begin_looks(struct slot *slot);
/* The run has ended: space that the disk lost meanwhile counts for the sandbox until the next walk of its
 * writable root. */
void container_end_looks(struct slot *slot);
/* Takes the current use as the state before the run. */
void container_note_use(struct slot *slot);
/* Memory that the sandbox's files occupy, in bytes. */
uint64_t container_held(const struct slot *slot);
int container_holds_nothing(void);
/* Whether a limit of this many bytes is above what the sandbox holds. */
int container_holds_less(uint64_t bytes);
int container_has_room(const struct slot *slot, uint64_t bytes);

#endif
