/* Files that a slot keeps between its sandboxes, so that a program's bytes are not written for each run. */
#ifndef ISOLATE_TREE_KEPT_FILES_H
#define ISOLATE_TREE_KEPT_FILES_H

#include "slot_state.h"

/* Makes the place for them, once for a slot. Where the host refuses it, every placed file is a copy. */
void kept_open(struct slot *slot);

/* Puts a file with kept content at a path of /work. `content`: a file with the content, kept from now on, or
 * -1. *is_kept: the slot has it now. -ENODATA: it has not, and no content came. */
int kept_place(struct slot *slot, const struct isolate_file_record *record, int content, int32_t *is_kept);

/* Makes ordinary files of all that were placed in the open sandbox. After a failure, call it again before a
 * program runs: the rest is not complete. */
struct isolate_failure kept_settle(struct slot *slot);

/* The sandbox and its files are gone. */
void kept_forget_places(void);

#endif
