/* Lists the processes of a run without a cgroup. */
#ifndef ISOLATE_ACCOUNTING_MEMBERS_H
#define ISOLATE_ACCOUNTING_MEMBERS_H

#include <stddef.h>

#include "slot_state.h"

enum { MEMBERS_MAX = 1024 };
struct member {
    int pid;   /* the slot's number: for kill, clocks, ptrace */
    int entry; /* in slot->proc, with no meaning elsewhere */
};
/* Opens or reads a file below an entry of slot->proc. Returns the descriptor, or the bytes read; or
 * -errno. */
int members_open(const struct slot *slot, int entry, const char *file, int flags);
long members_read(const struct slot *slot, int entry, const char *file, char *out, size_t bytes);
typedef unsigned members_lister(const struct slot *slot, struct member *members, unsigned most);
members_lister members_list;
/* The threads of one process; fills in their entries only. */
unsigned members_threads(const struct slot *slot, int entry, struct member *threads, unsigned most);
/* Whether the run has processes; 1 also when that cannot be determined. */
int members_exist(const struct slot *slot);
/* Whether slot->proc can show them. */
int members_are_visible(const struct slot *slot);
/* The children of the calling process. */
members_lister members_children;
/* Adds the descendants of the `count` processes in the list. */
unsigned members_add_descendants(const struct slot *slot, struct member *members, unsigned count,
                                 unsigned most);
/* The caller's entry in slot->proc, or 0. */
int members_own_entry(const struct slot *slot);
/* The entry in slot->proc of a child of the caller, or 0. */
int members_entry(const struct slot *slot, int pid);

#endif
