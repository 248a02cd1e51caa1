/* What a kind of cgroup.h is, and what the kinds are made of. */
#ifndef ISOLATE_ACCOUNTING_CGROUP_KINDS_H
#define ISOLATE_ACCOUNTING_CGROUP_KINDS_H

#include <stddef.h>

#include "slot_state.h"

/* What the counters said when a run ended, or until now. */
struct cgroup_usage {
    uint64_t cpu_ns, memory_peak_bytes, resident_bytes;
    uint64_t processes_peak;
    uint32_t cpu_source, memory_source, processes_source; /* enum isolate_source */
    int is_out_of_memory;     /* somebody was killed for want of memory, or must be now */
    int memory_limit_reached; /* and it was the run's own limit */
    int processes_limit_hit;
    int is_over_processes; /* far above the limit: nothing else holds it */
    /* What wait4 said of the first process; filled in by the slot before cgroup_finish. */
    uint64_t rusage_cpu_ns, rusage_resident_bytes;
};

/* Those that a kind has nothing to do for are null: up to `join`. */
struct cgroup_functions {
    struct isolate_failure (*setup)(const struct isolate_config *config);
    void (*remove_all)(const struct isolate_config *config);
    struct isolate_failure (*create)(const struct isolate_config *config, uint32_t slot, uint32_t owner,
                                     struct cgroup *cgroup);
    int (*remove)(const struct isolate_config *config, uint32_t slot);
    struct isolate_failure (*open)(struct slot *slot);
    struct isolate_failure (*join)(struct slot *slot);
    struct isolate_failure (*prepare)(struct slot *slot);
    struct isolate_failure (*begin)(const struct slot *slot, const struct isolate_limits *limits,
                                    uint64_t *memory_base_bytes, uint64_t *cpu_base_ns);
    uint64_t (*cpu_ns)(struct slot *slot);
    uint64_t (*sample)(struct slot *slot, const struct isolate_ready_record *ready,
                       struct cgroup_usage *usage);
    void (*finish)(struct slot *slot, const struct isolate_ready_record *ready, struct cgroup_usage *usage);
};

extern const struct cgroup_functions cgroup_v1_functions, cgroup_v2_functions, cgroup_none_functions,
    cgroup_container_functions;

/* No file is open. */
void cgroup_clear(struct cgroup *cgroup);
void cgroup_close(struct cgroup *cgroup);
/* All descriptors, for sys_close_others. Returns how many were put into `fds`, at most 20. */
unsigned cgroup_descriptors(const struct cgroup *cgroup, int fds[20]);

enum { CGROUP_PATH_BYTES = 640 };

/* Waits for the embedder's word where the cgroups are to be. 0 when there is no place. */
int cgroup_v2_receive_directory(void);

/* The caller sees the cgroup it is in as the root, and so do its children. */
struct isolate_failure cgroup_unshare(struct slot *slot);

/* A file of a cgroup, and where struct cgroup keeps its descriptor. */
struct cgroup_file {
    int hierarchy;
    const char *name;
    int flags;
    int is_required;
    size_t field;
};

/* Opens those of the hierarchy: their names are appended to `directory`, which is below `dir`. 0, or -errno.
 */
int cgroup_open_files(struct cgroup *cgroup, const struct cgroup_file *files, unsigned count, int hierarchy,
                      int dir, const char *directory);

int cgroup_make_directory(int dir, const char *path);
/* Waits out the moment for which a cgroup stays busy after its last process; none is no error. */
int cgroup_remove_directory(int dir, const char *path);
int cgroup_write_at(int dir, const char *path, const char *text);
uint64_t cgroup_read_key(int fd, const char *key);
/* Adds the peak of processes to what was sampled. `seats`: processes of ours that are counted along. */
void cgroup_finish_processes(const struct cgroup *cgroup, const struct cgroup_base *base, uint64_t seats,
                             struct cgroup_usage *usage);

#endif
