/* The network namespace of a slot, and of each cell whose program may use the network. */
#ifndef ISOLATE_PROCESS_NETWORK_H
#define ISOLATE_PROCESS_NETWORK_H

#include "slot_state.h"

/* Needs CAP_NET_ADMIN over the caller's network namespace. 0, or -errno. */
int network_bring_loopback_up(void);
/* Bounds the socket buffers of the caller's network namespace. */
void network_bound_buffers(const struct slot *slot);
/* A run's sockets would block addresses for the next run, so with a loopback each cell has a namespace of its
 * own. Otherwise all cells use the slot's. */
int network_is_per_cell(const struct slot *slot);

#endif
