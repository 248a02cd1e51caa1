/* Where a slot with a tree of its own has its own mounts, which are in no cell's tree. */
#ifndef ISOLATE_OWN_MOUNTS_H
#define ISOLATE_OWN_MOUNTS_H

/* The tmpfs that has them all: the files that the slot keeps, the open sandbox's scratch tmpfs, its proc. */
#define OWN_MOUNTS "/run"
#define OWN_KEPT OWN_MOUNTS "/kept"
#define OWN_SCRATCH OWN_MOUNTS "/scratch"
#define OWN_PROC OWN_MOUNTS "/proc"

/* Where this process finds its own pid namespace: "/proc", or after own_proc_is_mounted OWN_PROC. */
const char *own_proc(void);
void own_proc_is_mounted(void);

#endif
