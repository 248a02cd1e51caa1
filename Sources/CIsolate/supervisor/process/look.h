/* What the program of a run is doing at this moment, for the embedder. */
#ifndef ISOLATE_PROCESS_LOOK_H
#define ISOLATE_PROCESS_LOOK_H

#include "slot_state.h"

/* Sends LOOKED: whether the run waits for its stdin, and the figures by which two looks tell that nothing
 * happened in between. */
void look_answer(struct slot *slot);

#endif
