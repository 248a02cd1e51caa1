/* The program's process before exec. */
#ifndef ISOLATE_PROCESS_PROGRAM_H
#define ISOLATE_PROCESS_PROGRAM_H

#include "slot_state.h"

/* The request that the slot sends to the seat, which passes it on. */
struct seat_request { /* ISOLATE_SEAT_FORK */
    uint32_t type;
    int32_t channel;
    int32_t namespaces[CELL_NAMESPACES];
    struct cgroup cgroup; /* the seat's own copies are from its start */
    int32_t work, tmp;
    uint64_t processes_base;
};

/* Joins the cell, waits for a request, and executes it. */
void program_main(struct slot *slot, const struct seat_request *request) __attribute__((noreturn));

#endif
