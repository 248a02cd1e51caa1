/* What stands in a directory of /work, and what a path there is. */
#ifndef ISOLATE_TREE_LISTING_H
#define ISOLATE_TREE_LISTING_H

#include <stdint.h>

/* A memory file with a struct isolate_entry of each entry of the directory from `offset` on, up to
 * ISOLATE_LIST_BYTES; its descriptor, or -errno. *next: where the next part begins, 0 after the last. */
int listing_open(int work, const char *path, uint64_t offset, uint64_t *next);

/* The same of one path, whose name is left out. A symbolic link is described, not followed. */
int listing_describe(int work, const char *path);

#endif
