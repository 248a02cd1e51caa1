/* The program's process before exec. */
#ifndef ISOLATE_PROCESS_PROGRAM_H
#define ISOLATE_PROCESS_PROGRAM_H

#include "process/seat.h"

void program_main(struct slot *slot, const struct seat_request *request) __attribute__((noreturn));

#endif
