/* Where a step failed, as the records carry it. */
#ifndef ISOLATE_FAILURE_H
#define ISOLATE_FAILURE_H

#include "isolate_protocol.h"

/* `result`: the step's return value, >= 0 or -errno. */
static inline struct isolate_failure failure_at(int stage, long result, int index) {
    struct isolate_failure failure = {stage, result < 0 ? (int)-result : 0, index};
    return failure;
}

#endif
