/* The processes of a run, found without a cgroup. */
#ifndef ISOLATE_ACCOUNTING_PROCESSES_H
#define ISOLATE_ACCOUNTING_PROCESSES_H

#include <stddef.h>

#include "slot_state.h"

enum { PROCESSES_MAX = 1024 };
struct process {
    int pid;   /* ours: for kill, clocks, ptrace */
    int entry; /* in slot->proc, and of no use anywhere else */
};
/* A file below the directory of an entry of slot->proc. The descriptor, or how much was read; or -errno. */
int processes_open(const struct slot *slot, int entry, const char *file, int flags);
long processes_read(const struct slot *slot, int entry, const char *file, char *out, size_t bytes);
typedef unsigned processes_lister(const struct slot *slot, struct process *processes, unsigned most);
processes_lister processes_list;
/* The threads of one process, by their entries only. */
unsigned processes_threads(const struct slot *slot, int entry, struct process *threads, unsigned most);
/* Also when that cannot be told. */
int processes_exist(const struct slot *slot);
/* Whether slot->proc can tell at all. */
int processes_are_visible(const struct slot *slot);
/* The children of this very process. */
processes_lister processes_children;
/* Adds the descendants of the `count` processes that are in the list. */
unsigned processes_add_descendants(const struct slot *slot, struct process *processes, unsigned count,
                                   unsigned most);
/* Our own entry in slot->proc, or 0. */
int processes_own_entry(const struct slot *slot);
/* The entry in slot->proc of a child of ours, or 0. */
int processes_entry(const struct slot *slot, int pid);

#endif
