/* Opens paths below /work, in a tree that a program made and may be changing. */
#ifndef ISOLATE_TREE_BENEATH_H
#define ISOLATE_TREE_BENEATH_H

#include <asm/stat.h>

/* Opens a path below `dir`. Follows no symbolic link, crosses no mount and reaches nothing above `dir`.
 * Returns a descriptor or -errno (-ELOOP for a link, -EXDEV for a path that leaves `dir`). */
int beneath_open(int dir, const char *path, int flags, int mode);

/* Opens the parent directory of the path's last part; with `may_create`, makes missing directories. *last
 * points into the path. */
int beneath_open_parent(int dir, const char *path, int may_create, const char **last);

/* Opens a regular file. Returns -EISDIR for a directory, -ENXIO for a FIFO, socket or device; these are never
 * opened, unless the program puts one there between the check and the open. */
int beneath_open_regular(int dir, const char *path, int flags, struct stat *status);

/* Creates a new file that belongs to the caller's user, with the directories above it; one of that name is
 * replaced. Returns a descriptor for writing or -errno. */
int beneath_create(int dir, const char *path, int executable);

/* Copies what is between the position of `from` and its end to `to`. */
int beneath_copy(int to, int from);

/* Copies the content into the file at the path, opened as `fd` (or -errno, which is then the result). Removes
 * it when that fails: an incomplete program must not be run. */
int beneath_fill(int dir, const char *path, int fd, int content);

#endif
