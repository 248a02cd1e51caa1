/* The interface of a kind of cgroup.h, and the helpers for the kinds. */
#ifndef ISOLATE_ACCOUNTING_CGROUP_KINDS_H
#define ISOLATE_ACCOUNTING_CGROUP_KINDS_H

#include <stddef.h>

#include "slot_state.h"

/* What the counters showed at the end of a run, or until now. */
struct cgroup_usage {
    uint64_t cpu_ns, memory_peak_bytes, resident_bytes;
    uint64_t processes_peak;
    uint32_t cpu_source, memory_source, processes_source; /* enum isolate_source */
    /* The kernel killed a process for lack of memory, or the slot must kill the run. */
    int is_out_of_memory;
    int memory_limit_reached; /* the run's own limit caused that */
    int is_over_memory;       /* a container's run removed files and used their room, too */
    int processes_limit_hit;
    int is_over_processes; /* far above the limit, where no rlimit holds: the slot must kill the run */
    /* wait4's figures for the first process; the slot fills them in before cgroup_finish. */
    uint64_t rusage_cpu_ns, rusage_resident_bytes;
};

/* Functions up to `join` are null where a kind has nothing to do. */
struct cgroup_functions {
    struct isolate_failure (*setup)(const struct isolate_config *config);
    void (*remove_all)(const struct isolate_config *config);
    struct isolate_failure (*create)(const struct isolate_config *config, uint32_t slot, uint32_t owner,
                                     struct cgroup *cgroup);
    int (*remove)(const struct isolate_config *config, uint32_t slot);
    struct isolate_failure (*open)(struct slot *slot);
    struct isolate_failure (*join)(struct slot *slot);
    struct isolate_failure (*prepare)(struct slot *slot);
    struct isolate_failure (*begin)(const struct slot *slot, struct isolate_ready_record *ready);
    uint64_t (*cpu_ns)(struct slot *slot);
    uint64_t (*sample)(struct slot *slot, const struct isolate_ready_record *ready,
                       struct cgroup_usage *usage);
    void (*finish)(struct slot *slot, const struct isolate_ready_record *ready, struct cgroup_usage *usage);
};

extern const struct cgroup_functions cgroup_v1_functions, cgroup_v2_functions, cgroup_none_functions,
    cgroup_container_functions;

/* Marks every descriptor as not open. */
void cgroup_clear(struct cgroup *cgroup);
void cgroup_close(struct cgroup *cgroup);
/* Lists all descriptors, for sys_close_others. Returns how many were put into `fds`, at most 20. */
unsigned cgroup_descriptors(const struct cgroup *cgroup, int fds[20]);

enum { CGROUP_PATH_BYTES = 640 };

/* Waits until the embedder sends the directory for the cgroups. Returns 0 when there is none. */
int cgroup_v2_receive_directory(void);

/* Makes the caller's current cgroup the root that the caller and its children see. */
struct isolate_failure cgroup_unshare(struct slot *slot);

/* A file of a cgroup, and the offset of its descriptor in struct cgroup. */
struct cgroup_file {
    int hierarchy;
    const char *name;
    int flags;
    int is_required;
    size_t field;
};

/* Opens this hierarchy's files; appends each name to `directory`, which is below `dir`. 0, or -errno. */
int cgroup_open_files(struct cgroup *cgroup, const struct cgroup_file *files, unsigned count, int hierarchy,
                      int dir, const char *directory);

int cgroup_make_directory(int dir, const char *path);
/* Removes a cgroup, waiting while it stays busy after its last process. A missing cgroup is no error. */
int cgroup_remove_directory(int dir, const char *path);
int cgroup_write_at(int dir, const char *path, const char *text);
uint64_t cgroup_read_key(int fd, const char *key);
/* Combines the kernel's peak of processes with the sampled one. `seats`: how many processes besides the
 * program's are counted. */
void cgroup_finish_processes(const struct cgroup *cgroup, const struct cgroup_base *base, uint64_t seats,
                             struct cgroup_usage *usage);

#endif
