/* How many bytes the files of a tree take, where no quota counts them. */
#ifndef ISOLATE_ACCOUNTING_TREE_USE_H
#define ISOLATE_ACCOUNTING_TREE_USE_H

#include "slot_state.h"

/* Whether two directories hold more than so many bytes. What cannot be looked at counts as too much, and so
 * does what was never still. */
int tree_use_is_above(const int dirs[2], uint64_t limit);
/* Begins to count the bytes of the root file system that were written since `since_ns`, other mounts left
 * out. */
void tree_use_begin_root(const struct slot *slot, uint64_t since_ns);
/* Goes on with it for some hundred entries, or to its end. Returns 1 when all was counted. */
int tree_use_step_root(const struct slot *slot, int is_last, uint64_t *bytes);

#endif
