/* The cell of the next run. */
#ifndef ISOLATE_PROCESS_CELL_H
#define ISOLATE_PROCESS_CELL_H

#include "slot_state.h"

/* Undoes all it did when it fails. */
struct isolate_failure cell_prepare(struct slot *slot);
/* On return every process of the cell is dead. */
void cell_destroy(struct slot *slot);
/* Kills every process of the cell; cell_reap then waits until they are gone. */
void cell_kill(struct slot *slot);
void cell_reap(struct slot *slot);
int cell_exists(const struct slot *slot);

#endif
