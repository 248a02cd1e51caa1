/* Removes files that a program left below /work. */
#ifndef ISOLATE_TREE_REMOVAL_H
#define ISOLATE_TREE_REMOVAL_H

/* Removes a file, a link, or a directory with everything in it, at most ISOLATE_REMOVED_MAX entries of it.
 * Returns 0 when it is gone, 1 when a part is left, or -errno (-ENOENT: there was nothing). */
int removal_remove(int work, const char *path);

#endif
