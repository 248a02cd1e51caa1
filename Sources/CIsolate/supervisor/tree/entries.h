/* Makes the entries of trees, and removes one. */
#ifndef ISOLATE_TREE_ENTRIES_H
#define ISOLATE_TREE_ENTRIES_H

#include "isolate_protocol.h"

/* These make the entry below `root`, with its parents. They return 0, a descriptor that the caller closes, or
 * -errno. */
int entry_make_directory(int root, const char *path, int mode);
int entry_make_empty_file(int root, const char *path);
/* Makes a file with its text from the configuration. */
int entry_make_file(int root, const char *path, const struct isolate_config *config,
                    const struct isolate_file *file);
int entry_make_link(int root, const char *to, const char *path);
/* Copies a file of the caller's mount namespace, with its mode. */
int entry_make_copy(int root, const char *path, const char *from);

/* Removes an entry of this directory. 1: it is a directory with something in it. */
int entry_remove(int dir, const char *name);

#endif
