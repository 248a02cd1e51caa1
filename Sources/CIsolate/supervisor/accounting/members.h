/* The processes of a run, found without a cgroup. */
#ifndef ISOLATE_ACCOUNTING_MEMBERS_H
#define ISOLATE_ACCOUNTING_MEMBERS_H

#include <stddef.h>

#include "slot_state.h"

enum { MEMBERS_MAX = 1024 };
struct member {
    int pid;   /* ours: for kill, clocks, ptrace */
    int entry; /* in slot->proc, and of no use anywhere else */
};
/* A file below the directory of an entry of slot->proc. The descriptor, or how much was read; or -errno. */
int members_open(const struct slot *slot, int entry, const char *file, int flags);
long members_read(const struct slot *slot, int entry, const char *file, char *out, size_t bytes);
typedef unsigned members_lister(const struct slot *slot, struct member *members, unsigned most);
members_lister members_list;
/* The threads of one process, by their entries only. */
unsigned members_threads(const struct slot *slot, int entry, struct member *threads, unsigned most);
/* Also when that cannot be told. */
int members_exist(const struct slot *slot);
/* Whether slot->proc can tell at all. */
int members_are_visible(const struct slot *slot);
/* The children of this very process. */
members_lister members_children;
/* Adds the descendants of the `count` processes that are in the list. */
unsigned members_add_descendants(const struct slot *slot, struct member *members, unsigned count,
                                 unsigned most);
/* Our own entry in slot->proc, or 0. */
int members_own_entry(const struct slot *slot);
/* The entry in slot->proc of a child of ours, or 0. */
int members_entry(const struct slot *slot, int pid);

#endif
