/* Landlock, besides the mounts. */
#ifndef ISOLATE_TREE_LANDLOCK_H
#define ISOLATE_TREE_LANDLOCK_H

#include "slot_state.h"

/* Restricts the caller permanently. 0, -EOPNOTSUPP without Landlock, or another -errno. */
int landlock_restrict(const struct slot *slot);

#endif
