/* Landlock, beside the mounts. */
#ifndef ISOLATE_TREE_LANDLOCK_H
#define ISOLATE_TREE_LANDLOCK_H

#include "slot_state.h"

/* Restricts the caller, for good. 0, -EOPNOTSUPP where there is no Landlock, or another -errno. */
int landlock_restrict(const struct slot *slot);

#endif
