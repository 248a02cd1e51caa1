/* The caller's directories of the host, read-only below the program's root. */
#ifndef ISOLATE_TREE_BIND_MOUNTS_H
#define ISOLATE_TREE_BIND_MOUNTS_H

#include "isolate_protocol.h"

struct slot;

/* None is open. */
void bind_mounts_begin(int trees[ISOLATE_BIND_MOUNT_MAX]);
/* Opens those of the configuration that are not open yet. The caller closes what is open, also after a
 * failure. */
struct isolate_failure bind_mounts_open(const struct isolate_config *config,
                                        int trees[ISOLATE_BIND_MOUNT_MAX]);
void bind_mounts_close(int trees[ISOLATE_BIND_MOUNT_MAX]);

/* Slot, while it builds its root, whose directory is `root` and whose path is `staging`: mounts each tree
 * through an overlay at its place, or, for a writable root, where bind_mounts_enter finds it. */
struct isolate_failure bind_mounts_place(struct slot *slot, int root, const char *staging);

/* Slot, for each sandbox with a writable root: mounts them below `root`, in which no program has run yet. */
struct isolate_failure bind_mounts_enter(const struct slot *slot, int root);

#endif
