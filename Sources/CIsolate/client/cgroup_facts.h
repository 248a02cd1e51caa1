/*
 * Which cgroups a supervisor can make its own in: the facts of a host, and the decision drawn from them.
 *
 * The facts are the texts of kernel files and a few flags. cgroup.c reads them and cgroup_choice.c decides,
 * apart from each other, so that a table of tests covers every kind of host.
 */
#ifndef ISOLATE_CGROUP_FACTS_H
#define ISOLATE_CGROUP_FACTS_H

#include "isolate.h"

enum { CGROUP_LEVELS_MAX = 32 };

/* One v2 directory on the way from this process's cgroup up to the mount point. */
struct cgroup_level {
    char path[ISOLATE_CGROUP_PATH_BYTES];
    int is_root;                  /* of the whole hierarchy; it may hold processes and enable controllers */
    int is_threaded;              /* its type is not "domain" */
    int is_writable;              /* the directory, cgroup.procs and cgroup.subtree_control, by this user */
    int has_memory, has_pids;     /* in cgroup.controllers: it may enable them for its children */
    int gives_memory, gives_pids; /* in cgroup.subtree_control: it enables them */
    int has_self;                 /* this process is in it */
    int others;                   /* other processes in it */
};

struct cgroup_facts {
    struct {
        int is_mounted;
        int is_writable;
        /* This process's cgroup; empty when it is not below the mount. */
        char path[ISOLATE_CGROUP_PATH_BYTES];
    } v1[ISOLATE_CGROUP_COUNT];
    int v2_is_mounted;
    /* 0 when this process's v2 cgroup is not below the mount. */
    unsigned level_count;
    struct cgroup_level levels[CGROUP_LEVELS_MAX]; /* this process's cgroup first */
};

/* Pure: decides from the facts. */
void isolate_internal_cgroup_decide(const struct cgroup_facts *facts, uint32_t avoid, int may_adopt,
                                    isolate_cgroup_choice *choice);

/* Pure: the directory of a process's cgroup in one hierarchy. `controller`: a name of v1, NULL for v2.
 * mountinfo and own: the texts of /proc/self/mountinfo and /proc/self/cgroup. `mount`, unless NULL, gets the
 * mount point. 0; -ENOENT without such a mount; -EXDEV when the own cgroup is not below any such mount. */
int isolate_internal_cgroup_directory(const char *mountinfo, const char *own, const char *controller,
                                      char *out, size_t bytes, char *mount, size_t mount_bytes);

/* Pure: whether a list, separated by blanks or commas, contains the word. */
int isolate_internal_cgroup_has_word(const char *list, const char *word);

void isolate_internal_cgroup_read_facts(struct cgroup_facts *facts);

/* The directory of another process's v2 cgroup. 0, or -errno. */
int isolate_internal_cgroup_directory_of(pid_t pid, char *out, size_t bytes);

/* Calls `each` for every directory in which supervisors of this user may have made cgroups. 0, or -ENOMEM. */
int isolate_internal_cgroup_for_each_parent(void (*each)(const char *path, void *context), void *context);

/* Moves this process into another cgroup, as the choice says. 0, or -errno. */
int isolate_internal_cgroup_adopt(const isolate_cgroup_choice *choice);

#endif
