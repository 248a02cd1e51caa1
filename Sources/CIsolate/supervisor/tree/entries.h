/* Makes what trees are filled with. */
#ifndef ISOLATE_TREE_ENTRIES_H
#define ISOLATE_TREE_ENTRIES_H

#include "isolate_protocol.h"

/* All of them below `root`, parents included; 0, a descriptor to close, or -errno. */
int entry_make_directory(int root, const char *path, int mode);
int entry_make_empty_file(int root, const char *path);
/* With the text that the configuration has for it. */
int entry_make_file(int root, const char *path, const struct isolate_config *config,
                    const struct isolate_file *file);
int entry_make_link(int root, const char *to, const char *path);
/* A copy of a file of the caller's mount namespace, with its mode. */
int entry_make_copy(int root, const char *path, const char *from);

#endif
