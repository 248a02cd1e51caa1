/* Lists the processes of a run without a cgroup. */
#ifndef ISOLATE_ACCOUNTING_PROCESSES_H
#define ISOLATE_ACCOUNTING_PROCESSES_H

#include <stddef.h>

#include "slot_state.h"

enum { PROCESSES_MAX = 1024 };
struct process {
    int pid;   /* the slot's number: for kill, clocks, ptrace */
    int entry; /* in slot->proc, with no meaning elsewhere */
};
/* Opens or reads a file below an entry of slot->proc. Returns the descriptor, or the bytes read; or
 * -errno. */
int processes_open(const struct slot *slot, int entry, const char *file, int flags);
long processes_read(const struct slot *slot, int entry, const char *file, char *out, size_t bytes);
typedef unsigned processes_lister(const struct slot *slot, struct process *processes, unsigned most);
processes_lister processes_list;
/* The threads of one process; fills in their entries only. */
unsigned processes_threads(const struct slot *slot, int entry, struct process *threads, unsigned most);
/* Whether the run has processes; 1 also when that cannot be determined. */
int processes_exist(const struct slot *slot);
/* Whether slot->proc can show them. */
int processes_are_visible(const struct slot *slot);
/* The children of the calling process. */
processes_lister processes_children;
/* Adds the descendants of the `count` processes in the list. */
unsigned processes_add_descendants(const struct slot *slot, struct process *processes, unsigned count,
                                   unsigned most);
/* The caller's entry in slot->proc, or 0. */
int processes_own_entry(const struct slot *slot);
/* The entry in slot->proc of a child of the caller, or 0. */
int processes_entry(const struct slot *slot, int pid);

#endif
