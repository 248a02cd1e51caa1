/* Level minimal: directories in place of a tree. */
#ifndef ISOLATE_TREE_PLAIN_H
#define ISOLATE_TREE_PLAIN_H

#include <stddef.h>

#include "slot_state.h"

/* For the supervisor. */
struct isolate_failure plain_setup(const struct isolate_config *config);
int plain_remove_slot(const struct isolate_config *config, uint32_t number);
void plain_remove_all(const struct isolate_config *config);
/* For the slot. */
struct isolate_failure plain_scratch_create(struct slot *slot);
void plain_scratch_remove(struct slot *slot);
int plain_path(const struct slot *slot, const char *below, char *out, size_t bytes);
/* Empties a directory that no process uses any more; its own entry stays. 0, or -errno. */
int plain_empty(const char *path);

#endif
