/* The slot's own mount tree. */
#ifndef ISOLATE_TREE_ROOT_H
#define ISOLATE_TREE_ROOT_H

#include "slot_state.h"

/* Builds the slot's own mount tree: read-only rootfs, /dev, /etc and its own mounts; the host's tree is
 * unmounted afterwards. */
struct isolate_failure root_build(struct slot *slot);
#endif
