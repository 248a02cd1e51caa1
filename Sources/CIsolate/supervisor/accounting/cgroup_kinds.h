/* What the kinds of cgroup.h are made of, for their files only. */
#ifndef ISOLATE_ACCOUNTING_CGROUP_KINDS_H
#define ISOLATE_ACCOUNTING_CGROUP_KINDS_H

#include "accounting/cgroup.h"
#include <stddef.h>

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

enum { CGROUP_PATH_BYTES = 640 };

/* Waits for the embedder's word where the cgroups are to be. 0 when there is no place. */
int cgroup_v2_receive_place(void);

/* The caller sees the cgroup it is in as the root, and so do its children. */
struct isolate_failure cgroup_unshare(struct slot *slot);

/* A file of a cgroup, and where struct cgroup keeps its descriptor. */
struct cgroup_file {
    int hierarchy;
    const char *name;
    int flags;
    int is_required;
    size_t member;
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
