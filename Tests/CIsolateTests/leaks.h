/* What a process holds and what it caused elsewhere, before and after a test: nothing of the library's may
 * remain. */
#ifndef LEAKS_H
#define LEAKS_H

#include <sys/types.h>

/* A bound on the time until everything of a dead owner is gone. It is no measure: it is above the
 * supervisor's own time limit for reaping a run, also on a machine that is busy otherwise. */
enum { GONE_WITHIN_MS = 20000 };

/* An embedder as its cgroups' names identify it: by pid and start time. To be taken while it lives. */
struct owner {
    char key[64]; /* a part of the names */
};
struct owner owner_of(pid_t pid);
/* The same for an embedder that sees itself under another pid, in a pid namespace. */
struct owner owner_known_as(pid_t pid, pid_t inner_pid);

/* Living processes in cgroups of this owner, and directories of such cgroups. */
int owner_processes(const struct owner *owner);
int owner_cgroups(const struct owner *owner);

/* Waits until none are left, for at most that long; fails the test otherwise. */
void expect_no_processes(const struct owner *owner, unsigned milliseconds);
void expect_nothing_left(const struct owner *owner, unsigned milliseconds);

struct snapshot;
/* Also moves the test into a mount namespace of its own, whose mounts other processes do not change. */
struct snapshot *snapshot_take(void);
/* Fails the test when anything differs or remains. Frees the snapshot. */
void snapshot_check(struct snapshot *snapshot);

/* Open descriptors of this process. */
int descriptor_count(void);

/* Memory cgroups that the kernel holds, with those that are removed but not freed. */
int memory_cgroup_count(void);

/* The first child of a process, or 0; named_child_of: of this name. */
pid_t child_of(pid_t parent);
pid_t named_child_of(pid_t parent, const char *name);

/* A line "Key:\tvalue" of /proc/<pid>/status, without the key. */
void read_status_line(pid_t pid, const char *key, char *out, size_t bytes);

#endif
