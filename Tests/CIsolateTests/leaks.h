/* What a process holds and what it caused elsewhere, before and after: nothing of ours may remain. */
#ifndef LEAKS_H
#define LEAKS_H

#include <sys/types.h>

/* Within it everything of a dead owner is gone. A bound for what would never go, not a measure: it is above
 * what the supervisor gives itself to bury a run, and holds on a machine that is busy with something else. */
enum { GONE_WITHIN_MS = 20000 };

/* An embedder, as its cgroups name it: by pid and start time. Taken while it lives. */
struct owner {
    char key[64]; /* a part of their names */
};
struct owner owner_of(pid_t pid);
/* The same when the embedder knows itself by another pid, in a pid namespace. */
struct owner owner_known_as(pid_t pid, pid_t inner_pid);

/* Processes that live in a cgroup of this owner, and directories of such cgroups. */
int owner_processes(const struct owner *owner);
int owner_cgroups(const struct owner *owner);

/* Waits at most so long until none are left; fails the test otherwise. */
void expect_no_processes(const struct owner *owner, unsigned milliseconds);
void expect_nothing_left(const struct owner *owner, unsigned milliseconds);

struct snapshot;
/* Also puts the test into a mount namespace of its own, whose table others do not change. */
struct snapshot *snapshot_take(void);
/* Fails the test when anything differs or anything of ours is left. Frees the snapshot. */
void snapshot_check(struct snapshot *snapshot);

/* Open descriptors of this process. */
int descriptor_count(void);

/* Memory cgroups that the kernel holds, the removed but not freed ones included. */
int memory_cgroup_count(void);

/* The first child of a process, or 0; of this name. */
pid_t child_of(pid_t parent);
pid_t named_child_of(pid_t parent, const char *name);

/* A line "Key:\tvalue" of /proc/<pid>/status, without the key. */
void read_status_line(pid_t pid, const char *key, char *out, size_t bytes);

#endif
