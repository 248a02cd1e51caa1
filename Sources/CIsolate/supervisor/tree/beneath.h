/* Opening what is below /work, in a tree that a program made and may be changing. */
#ifndef ISOLATE_TREE_BENEATH_H
#define ISOLATE_TREE_BENEATH_H

#include <asm/stat.h>

/* Opens a path below `dir`: no symbolic link is followed, no mount crossed, nothing above `dir` reached. A
 * descriptor, or -errno (-ELOOP for a link, -EXDEV for what leaves). */
int beneath_open(int dir, const char *path, int flags, int mode);

/* Opens the directory that holds the last part of the path, and makes missing ones with `may_create`.
 * *last points into the path. */
int beneath_open_parent(int dir, const char *path, int may_create, const char **last);

/* Opens a regular file: -EISDIR for a directory, -ENXIO for a FIFO, socket or device, which are not opened
 * even for a moment unless the program puts one there meanwhile. */
int beneath_open_regular(int dir, const char *path, int flags, struct stat *status);

#endif
