/*
 * Limits and accounting: one interface, with one file for each kind of host.
 *
 *     cgroup_v1.c         a cgroup per slot, recycled for each of its runs
 *     cgroup_v2.c         a cgroup per run, below one per slot
 *     cgroup_none.c       no cgroup: rlimits, and samples of the processes
 *     cgroup_container.c  a container's cgroup: the engine sets its limits, the slot only reads
 *     cgroup.c            picks one of them by the configuration, or none when its set-up fails
 *
 * The program learns nothing of its cgroup and has no descriptor of it. The slot reads and writes its files
 * through descriptors opened earlier; no process below the supervisor has a path to the host's hierarchy.
 */
#ifndef ISOLATE_CGROUP_H
#define ISOLATE_CGROUP_H

#include "accounting/cgroup_kinds.h"

/* Supervisor: makes the supervisor's directories and enters its own leaf. On failure everything is undone,
 * the failure is returned, and the kind in force becomes none. cgroup_remove_all undoes it. */
struct isolate_failure cgroup_setup(const struct isolate_config *config);
void cgroup_remove_all(const struct isolate_config *config);

/* Supervisor: makes or removes one slot's cgroup. `owner` is the host's uid of the slot's root. */
struct isolate_failure cgroup_create(const struct isolate_config *config, uint32_t slot, uint32_t owner,
                                     struct cgroup *cgroup);
int cgroup_remove(const struct isolate_config *config, uint32_t slot);

/* Slot: opens its cgroup while it still sees the host's tree. */
struct isolate_failure cgroup_open(struct slot *slot);

/* Seat, once: enters the slot's cgroup, on kinds that keep the slot's processes there. */
struct isolate_failure cgroup_join(struct slot *slot);

/* Slot, before each run: resets the counters, or notes their values. */
struct isolate_failure cgroup_prepare(struct slot *slot);

/* The program's process, when it is born: makes its own cgroup the root that it sees. */
struct isolate_failure cgroup_enter(struct slot *slot);

/* Bits of enum isolate_layer that apply to the program's process by now. */
uint32_t cgroup_layers(const struct slot *slot);

/* rlimits in place of what the kind does not limit, or ~0. */
struct cgroup_rlimits {
    uint64_t data_bytes, processes;
};
struct cgroup_rlimits cgroup_rlimits(const struct slot *slot, const struct isolate_limits *limits);

/* The program's process, right before exec: sets the record's limits, and writes the counters' base values
 * into it. */
struct isolate_failure cgroup_begin(const struct slot *slot, struct isolate_ready_record *ready);

/* Slot: CPU time of the run and of its process before exec, in ns. */
uint64_t cgroup_cpu_ns(struct slot *slot);

/* Slot, repeatedly during a run: samples resident memory (no file cache, no kernel memory) and processes, and
 * whether the memory is used up. Returns in how many ns the next sample is due at the latest. */
uint64_t cgroup_sample(struct slot *slot, const struct isolate_ready_record *ready,
                       struct cgroup_usage *usage);

/* Slot, before a process of the run dies: a last sample, while it still exists. */
void cgroup_last_look(struct slot *slot, const struct isolate_ready_record *ready,
                      struct cgroup_usage *usage);

/* Slot, when every process of the run is dead. */
void cgroup_finish(struct slot *slot, const struct isolate_ready_record *ready, struct cgroup_usage *usage);

/* cgroup_container.c: memory that the slot holds and releases when a program has used up the container's;
 * taken again before the next run if there is room. */
void cgroup_container_keep_reserve(const struct slot *slot);
/* Whether the container can hold so many bytes more, now and with that reserve. */
int cgroup_container_has_room(const struct slot *slot, uint64_t bytes);
/* The version of the container's cgroup. */
uint32_t cgroup_container_version(void);

#endif
