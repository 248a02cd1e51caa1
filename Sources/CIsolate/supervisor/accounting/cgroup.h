/*
 * Limits and accounting: one interface, and behind it one file per kind of host.
 *
 *   cgroup_v1.c    a cgroup per slot, recycled for each of its runs
 *   cgroup_v2.c    a cgroup per run, below one per slot
 *   cgroup_none.c  no cgroup: rlimits, and looking at the processes from time to time
 *   cgroup_container.c  a container's, which the engine limits and we only read
 *   cgroup.c       picks one of them, by the configuration, and none when its set-up fails
 *
 * Of its cgroup the program knows nothing and holds nothing: whoever writes or reads a file of it later has a
 * descriptor from before, and nobody below the supervisor has a path to the host's hierarchy.
 */
#ifndef ISOLATE_CGROUP_H
#define ISOLATE_CGROUP_H

#include "accounting/cgroup_kinds.h"

/* Supervisor: this process's directories and its own leaf, which it enters. When that fails, everything is
 * undone, the failure returned, and the kind in force is none. Undone by cgroup_remove_all. */
struct isolate_failure cgroup_setup(const struct isolate_config *config);
void cgroup_remove_all(const struct isolate_config *config);

/* Supervisor: makes or removes one slot's cgroup. `owner` is the host's uid of the slot's root. */
struct isolate_failure cgroup_create(const struct isolate_config *config, uint32_t slot, uint32_t owner,
                                     struct cgroup *cgroup);
int cgroup_remove(const struct isolate_config *config, uint32_t slot);

/* The slot, while it still sees the host's tree. */
struct isolate_failure cgroup_open(struct slot *slot);

/* The seat, once: enters the slot's cgroup, where the kind has its processes there. */
struct isolate_failure cgroup_join(struct slot *slot);

/* The slot, before each run: the counters start anew, or their state is noted. */
struct isolate_failure cgroup_prepare(struct slot *slot);

/* The program's process when it is born: it sees its own cgroup as the root. */
struct isolate_failure cgroup_enter(struct slot *slot);

/* Bits of enum isolate_layer that the program's process is under by now. */
uint32_t cgroup_layers(const struct slot *slot);

/* rlimits that stand in for what the kind does not limit, or ~0. */
struct cgroup_rlimits {
    uint64_t data_bytes, processes;
};
struct cgroup_rlimits cgroup_rlimits(const struct slot *slot, const struct isolate_limits *limits);

/* The program's process, right before exec: puts the limits in force and reads where the counters stand. */
struct isolate_failure cgroup_begin(const struct slot *slot, const struct isolate_limits *limits,
                                    uint64_t *memory_base_bytes, uint64_t *cpu_base_ns);

/* The slot: CPU time that the run and its process before exec have used, in ns. */
uint64_t cgroup_cpu_ns(struct slot *slot);

/* The slot, from time to time: memory that is neither file cache nor the kernel's, processes, and whether
 * the memory is used up. Returns in how many ns it must look again at the latest. */
uint64_t cgroup_sample(struct slot *slot, const struct isolate_ready_record *ready,
                       struct cgroup_usage *usage);

/* The slot, while those who are about to die are still there to be looked at. */
void cgroup_last_look(struct slot *slot, const struct isolate_ready_record *ready,
                      struct cgroup_usage *usage);

/* The slot, when every process is dead. */
void cgroup_finish(struct slot *slot, const struct isolate_ready_record *ready, struct cgroup_usage *usage);

/* cgroup_container.c: memory that the slot holds for the moment when a program has used up the container's;
 * taken back before the next run as far as there is room. */
void cgroup_container_keep_reserve(const struct slot *slot);
/* The version of its cgroup. */
uint32_t cgroup_container_version(void);

#endif
