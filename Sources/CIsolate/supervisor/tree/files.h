/* Files of /work, for the embedder. */
#ifndef ISOLATE_TREE_FILES_H
#define ISOLATE_TREE_FILES_H

#include "slot_state.h"

/* Answers a question about files, with a descriptor if it needs one. */
void file_answer(struct slot *slot, struct isolate_file_record *record, int content);
/* Refuses a question that came without the descriptor that belongs to it. */
void file_refuse(struct slot *slot, long result);

#endif
