/* The slot's own mount tree. */
#ifndef ISOLATE_TREE_ROOT_H
#define ISOLATE_TREE_ROOT_H

#include "slot_state.h"

/* The slot's own mount tree: read-only rootfs, /dev, /etc, /proc; the host's is gone afterwards. */
struct isolate_failure root_build(struct slot *slot);
#endif
