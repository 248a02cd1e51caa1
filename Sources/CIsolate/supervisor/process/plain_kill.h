/* Level minimal: kills the processes of a run. */
#ifndef ISOLATE_PROCESS_PLAIN_KILL_H
#define ISOLATE_PROCESS_PLAIN_KILL_H

#include "accounting/processes.h"

void plain_kill(const struct slot *slot);
/* Kills the processes that `list` returns at that moment. */
void plain_kill_listed(const struct slot *slot, processes_lister *list);

#endif
