/* The seat: sits in the program's cgroup, and clones the program's process there. */
#ifndef ISOLATE_PROCESS_SEAT_H
#define ISOLATE_PROCESS_SEAT_H

#include "slot_state.h"

void seat_main(struct slot *slot, int socket) __attribute__((noreturn));

struct seat_request { /* ISOLATE_SEAT_FORK */
    uint32_t type;
    int32_t channel;
    int32_t namespaces[CELL_NAMESPACES];
    struct cgroup cgroup; /* the seat's copies are as old as the seat */
    int32_t work, tmp;
    uint64_t processes_base;
};

#endif
