/* The seat: sits in the program's cgroup, and clones the program's process there. */
#ifndef ISOLATE_PROCESS_SEAT_H
#define ISOLATE_PROCESS_SEAT_H

#include "slot_state.h"

/* Slot, once: starts the seat. */
struct isolate_failure seat_start(struct slot *slot);
/* Slot: has the seat clone the program's process, which sends records on `channel`. 0 with the seat's answer;
 * -EPIPE when the seat is dead, or another -errno. */
int seat_fork(struct slot *slot, int channel, struct isolate_status_record *reply);

#endif
