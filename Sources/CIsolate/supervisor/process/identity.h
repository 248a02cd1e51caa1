/* Whose user and group ids a slot and its program have on the host. */
#ifndef ISOLATE_PROCESS_IDENTITY_H
#define ISOLATE_PROCESS_IDENTITY_H

#include "slot_state.h"

/* Of the slot at this position among its supervisor's. */
struct identity identity_of(const struct isolate_config *config, uint32_t index);
/* Around the clone of a slot: what the kernel counts for whoever made a user namespace (inotify, message
 * queues, signals, processes) is counted for the slot's own id, and not for the embedder's. */
void identity_begin_creation(const struct isolate_config *config, const struct identity *id);
void identity_end_creation(const struct isolate_config *config);
/* The slot, with its own proc: what it may count for its maker where that is the embedder's user all the
 * same. */
void identity_bound_quotas(const struct slot *slot);
/* The supervisor, for a slot's process. */
int identity_write_maps(const struct isolate_config *config, const struct identity *id, int pid);
/* The slot: does its own part and waits for the supervisor's. */
int identity_be_mapped(const struct slot *slot);

#endif
