/* The slot's own mount tree, and what trees are filled with. */
#ifndef ISOLATE_TREE_ROOT_H
#define ISOLATE_TREE_ROOT_H

#include "slot_state.h"

/* The slot's own mount tree: read-only rootfs, /dev, /etc, /proc; the host's is gone afterwards. */
struct isolate_failure root_build(struct slot *slot);
/* Below `root`, parents included; 0, a descriptor, or -errno. */
int root_make_directory(int root, const char *path, int mode);
int root_make_empty_file(int root, const char *path);
int root_make_file(int root, const struct isolate_config *config, const struct isolate_file *file);
int root_make_link(int root, const char *to, const char *path);
/* A copy of a file of the slot's mount namespace, with its mode. */
int root_make_copy(int root, const char *path, const char *from);

#endif
