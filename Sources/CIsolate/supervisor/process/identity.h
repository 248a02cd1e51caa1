/* Which user and group ids a slot and its program have on the host. */
#ifndef ISOLATE_PROCESS_IDENTITY_H
#define ISOLATE_PROCESS_IDENTITY_H

#include "slot_state.h"

/* The ids of the slot at this index among its supervisor's. */
struct identity identity_of(const struct isolate_config *config, uint32_t index);
/* Enclose the clone of a slot: the kernel charges some resources to the maker of a user namespace (inotify,
 * message queues, signals, processes). So the slot's own id makes it, and the embedder's is not charged. */
void identity_begin_creation(const struct isolate_config *config, const struct identity *id);
void identity_end_creation(const struct isolate_config *config);
/* Slot, with its own proc: bounds those resources where the maker has the embedder's user after all. */
void identity_bound_quotas(const struct slot *slot);
/* Supervisor: writes the maps of a slot's process. */
int identity_write_maps(const struct isolate_config *config, const struct identity *id, int pid);
/* Slot: does its own part and waits for the supervisor's. */
int identity_be_mapped(const struct slot *slot);

#endif
