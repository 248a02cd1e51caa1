/* Receives the embedder's records to a slot. */
#ifndef ISOLATE_PROCESS_CONTROL_H
#define ISOLATE_PROCESS_CONTROL_H

#include "slot_state.h"

/* Receives the next record of the control socket, and answers requests about files itself, whatever the slot
 * is doing. `flags`: of recvmsg. Returns 1 with another record for the caller, else 0. Ends the slot when the
 * embedder is gone. */
int control_receive(struct slot *slot, struct isolate_prepare_record *word, int flags);

#endif
