/* Lists a directory of /work, and describes a path. */
#ifndef ISOLATE_TREE_LISTING_H
#define ISOLATE_TREE_LISTING_H

#include <stdint.h>

/* Lists the directory from the position `offset` on, up to ISOLATE_LIST_BYTES. Returns the descriptor of a
 * memory file with a struct isolate_entry for each entry, or -errno. *next: the position of the next part, 0
 * after the last. */
int listing_open(int work, const char *path, uint64_t offset, uint64_t *next);

/* Returns the same for one path, without its name. Describes a symbolic link and does not follow it. */
int listing_describe(int work, const char *path);

#endif
