/* Binds a run to its processors. */
#ifndef ISOLATE_PROCESS_PROCESSORS_H
#define ISOLATE_PROCESS_PROCESSORS_H

#include "isolate_protocol.h"

/* Whether the run is bound to processors, which its program may not change. */
int has_own_processors(const struct isolate_limits *limits);
/* Binds the run to its processors: `cpus` (0: all) of those that this process may use and the run's set has,
 * from `cpu_first` on, wrapping around. Children and threads inherit them; the slot refuses later changes
 * (run.c). Returns 0 or -errno;
 * *missing is 1 + the number of the first processor of the set that this process may not use, or 0. */
long bind_to_processors(const struct isolate_limits *limits, uint32_t *missing);

#endif
