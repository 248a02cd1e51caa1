/* Gives a directory inodes of the slot's own. */
#ifndef ISOLATE_TREE_COVER_H
#define ISOLATE_TREE_COVER_H

/* While the slot's root is built at `staging`: mounts a directory at an existing one of the root through a
 * read-only overlay: same content, same cached pages, but inodes of this slot's own. So a program cannot
 * watch who opens the host's files, take locks for which the host or another sandbox waits, flush those
 * files, or reach a process of the host through a socket or a FIFO. Returns -errno on a host without overlays
 * for user namespaces (before 5.11), or when there are further file systems below the directory, which an
 * overlay would not show. */
int cover_mount(const char *source, const char *staging, const char *target);

#endif
