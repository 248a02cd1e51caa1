/* What the embedder says to a slot. */
#ifndef ISOLATE_PROCESS_CONTROL_H
#define ISOLATE_PROCESS_CONTROL_H

#include "slot_state.h"

/* The next word of the control socket. Questions about files are answered here, whatever the slot is doing.
 * `flags`: of recvmsg. 1 with a word for the caller, else 0. Ends the slot when the embedder is gone. */
int control_receive(struct slot *slot, struct isolate_prepare_record *word, int flags);

#endif
