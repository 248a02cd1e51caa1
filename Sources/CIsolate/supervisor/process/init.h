/* pid 1 of a cell. */
#ifndef ISOLATE_PROCESS_INIT_H
#define ISOLATE_PROCESS_INIT_H

#include "slot_state.h"

/* Makes the cell's mounts, sends the result and its namespaces, and then only exists. */
void init_main(const struct slot *slot, int result_socket) __attribute__((noreturn));

#endif
