/* Follows one run. */
#ifndef ISOLATE_PROCESS_RUN_H
#define ISOLATE_PROCESS_RUN_H

#include "slot_state.h"

/* From the program's `ready` to its end. */
struct isolate_run_record run_follow(struct slot *slot);

#endif
