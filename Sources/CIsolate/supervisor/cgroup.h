/*
 * Limits and accounting by cgroup: one interface, one file per kind of hierarchy.
 *
 * cgroup_v1.c is the first kind; v2 and none stand beside it behind the same functions. The supervisor makes
 * a slot's cgroup once; it is recycled for every cell of the slot, because a memory cgroup that is merely
 * removed stays in the kernel while one page of file cache is charged to it. Descriptors are opened by the
 * supervisor and only read and written later, so nobody below it needs a path or a privilege.
 */
#ifndef ISOLATE_CGROUP_H
#define ISOLATE_CGROUP_H

#include "isolate_protocol.h"

/* The files of one slot's cgroup. */
struct cgroup {
    int memory_limit, memsw_limit, memory_usage, memory_peak, oom_control, memory_stat, force_empty;
    int pids_max, pids_current, pids_events, pids_peak;
    int cpu_usage;
    int procs[ISOLATE_CGROUP_COUNT];
};

/* What the counters said when a run began. */
struct cgroup_base {
    uint64_t oom_kills, pids_events, pids_peak, resident_bytes;
};

/* What they said when it ended, or now. */
struct cgroup_usage {
    uint64_t cpu_ns, memory_peak_bytes, resident_bytes;
    uint64_t oom_kills;
    uint64_t processes, processes_peak;
    int processes_peak_exact;
    int processes_limit_hit;
    int memory_limit_reached;
};

/* Supervisor: the directory of this process and its own leaf, which it enters. Undone by cgroup_remove_all.
 */
struct isolate_failure cgroup_setup(const struct isolate_config *config);
void cgroup_remove_all(const struct isolate_config *config);

/* Supervisor: makes or removes one slot's cgroup. */
struct isolate_failure cgroup_create(const struct isolate_config *config, uint32_t slot,
                                     struct cgroup *cgroup);
void cgroup_close(struct cgroup *cgroup);
int cgroup_remove(const struct isolate_config *config, uint32_t slot);

/* The seat: moves the caller in, once per slot. */
struct isolate_failure cgroup_join(const struct cgroup *cgroup);

/* The program's process, right before exec: puts the limits in force and reads where the counters stand. */
struct isolate_failure cgroup_begin(const struct cgroup *cgroup, const struct isolate_limits *limits,
                                    uint64_t *memory_base_bytes, uint64_t *cpu_base_ns);

/* The slot, before a run: frees what the last one left charged, and reads the counters. */
void cgroup_rest(const struct cgroup *cgroup, uint64_t charge_batch_bytes, struct cgroup_base *base);

/* The slot: CPU time of the cgroup since it was made, in ns. */
uint64_t cgroup_cpu_ns(const struct cgroup *cgroup);

/* The slot: processes and threads of the program now, the seat not counted. */
uint64_t cgroup_processes(const struct cgroup *cgroup);

/* The slot, from time to time: memory that is neither file cache nor kernel's, and OOM kills. */
void cgroup_sample(const struct cgroup *cgroup, const struct cgroup_base *base, struct cgroup_usage *usage);

/* The slot, at the end of a run. */
void cgroup_finish(const struct cgroup *cgroup, const struct cgroup_base *base,
                   const struct isolate_ready_record *ready, uint64_t charge_batch_bytes,
                   struct cgroup_usage *usage);

/* All descriptors, for sys_close_others. Returns how many were put into `fds`, at most 16. */
unsigned cgroup_descriptors(const struct cgroup *cgroup, int fds[16]);

#endif
