/* Counts the bytes of a tree's files, where no quota does. */
#ifndef ISOLATE_ACCOUNTING_TREE_USE_H
#define ISOLATE_ACCOUNTING_TREE_USE_H

#include "slot_state.h"

/* Whether two directories hold more than this many bytes together. A tree that cannot be read, or that
 * changes during every walk, counts as too much. */
int tree_use_is_above(const int dirs[2], uint64_t limit);
/* Begins to count the bytes of the root file system that were written since `since_ns`, without other
 * mounts. */
void tree_use_begin_root(const struct slot *slot, uint64_t since_ns);
/* Continues for some hundred entries, or to the end if `is_last`. Returns 1 when all is counted. */
int tree_use_step_root(const struct slot *slot, int is_last, uint64_t *bytes);

#endif
