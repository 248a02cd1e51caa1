/* Places files that a slot keeps between its sandboxes, so that a program's bytes are not sent for each run.
 */
#ifndef ISOLATE_TREE_KEPT_FILES_H
#define ISOLATE_TREE_KEPT_FILES_H

#include "slot_state.h"

/* Puts a file with kept content at a path of /work. `content`: a file with the content, kept from now on, or
 * -1. *is_kept: the slot has it now. -ENODATA: it has not, and no content came. */
int kept_place(struct slot *slot, const struct isolate_file_record *record, int content, int32_t *is_kept);

/* Puts the file there in advance which the last two sandboxes had, for a sandbox whose cell is made and in
 * which nothing else is yet. Returns its number, or 0. */
uint64_t kept_place_in_advance(struct slot *slot);
/* Takes it away, unless a run has taken it. */
int kept_withdraw(struct slot *slot);
/* A run begins. -EPERM: it is one that knows nothing of the file, which was another program's. */
int kept_take(uint32_t run_flags);

/* Makes ordinary files of all that were placed in the open sandbox. After a failure, call it again before a
 * program runs: the rest is not complete. */
struct isolate_failure kept_settle(struct slot *slot);

/* The sandbox and its files are gone. */
void kept_end_sandbox(void);

#endif
