/* The writable root. */
#ifndef ISOLATE_TREE_OVERLAY_H
#define ISOLATE_TREE_OVERLAY_H

#include "slot_state.h"

/* Slot, while it builds its root: adds a lower layer, or a file to copy, by its index in the
 * configuration. */
int overlay_add_lower(int root, uint32_t index, int tree, int is_directory);
/* Slot, once the scratch tmpfs is mounted. */
struct isolate_failure overlay_create(struct slot *slot);
/* The body of the supervisor's child; `namespaces`: the slot's user and mount namespace. */
void overlay_mount_for_slot(const struct isolate_config *config, const struct identity *id, int socket,
                            const int namespaces[2], int is_first) __attribute__((noreturn));

#endif
