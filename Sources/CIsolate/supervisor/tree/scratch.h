/* The tmpfs behind /work, /tmp and /dev/shm, or what replaces it. */
#ifndef ISOLATE_TREE_SCRATCH_H
#define ISOLATE_TREE_SCRATCH_H

#include "slot_state.h"

struct isolate_failure scratch_create(struct slot *slot, uint64_t disk_bytes);
struct isolate_failure scratch_resize(struct slot *slot, uint64_t disk_bytes);
void scratch_remove(struct slot *slot);

#endif
