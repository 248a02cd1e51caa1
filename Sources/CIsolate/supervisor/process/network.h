/* The network namespace of a slot, and of each cell whose program may use it. */
#ifndef ISOLATE_PROCESS_NETWORK_H
#define ISOLATE_PROCESS_NETWORK_H

#include "slot_state.h"

/* With the caller's rights over its own network namespace. 0, or -errno. */
int network_bring_loopback_up(void);
/* Of the namespace that the caller is in. */
void network_bound_buffers(const struct slot *slot);
/* Sockets of one run would be in the way of the next: each cell has a namespace of its own then. Without any,
 * the slot's serves them all. */
int network_is_per_cell(const struct slot *slot);

#endif
