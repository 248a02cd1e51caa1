/* Removing what a program left below /work. */
#ifndef ISOLATE_TREE_REMOVAL_H
#define ISOLATE_TREE_REMOVAL_H

/* Removes a file, a link, or a directory with all that is in it, at most ISOLATE_REMOVED_MAX entries of it.
 * 0: it is gone; 1: a part is left; -errno (-ENOENT: there was nothing). */
int removal_remove(int work, const char *path);

#endif
