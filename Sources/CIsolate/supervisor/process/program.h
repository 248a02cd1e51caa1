/* The program's process before exec. */
#ifndef ISOLATE_PROCESS_PROGRAM_H
#define ISOLATE_PROCESS_PROGRAM_H

#include "slot_state.h"

/* What the seat is asked for, and passes on. */
struct seat_request { /* ISOLATE_SEAT_FORK */
    uint32_t type;
    int32_t channel;
    int32_t namespaces[CELL_NAMESPACES];
    struct cgroup cgroup; /* the seat's copies are as old as the seat */
    int32_t work, tmp;
    uint64_t processes_base;
};

/* Joins the cell, waits for a request, and becomes it. */
void program_main(struct slot *slot, const struct seat_request *request) __attribute__((noreturn));

#endif
