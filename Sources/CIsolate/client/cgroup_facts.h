/*
 * Which cgroups ours can be made in: the facts of a host, and what follows from them.
 *
 * The facts are text of the kernel's files and a few yes and no; reading them (cgroup.c) and deciding
 * (cgroup_choice.c) are apart, so that every kind of host can be tried in a table of tests.
 */
#ifndef ISOLATE_CGROUP_FACTS_H
#define ISOLATE_CGROUP_FACTS_H

#include "isolate.h"

enum { CGROUP_LEVELS_MAX = 32 };

/* One directory of v2 on the way from the own cgroup up to what is mounted. */
struct cgroup_level {
    char path[ISOLATE_CGROUP_PATH_BYTES];
    int is_root;                  /* of the whole hierarchy: it may have processes and controllers both */
    int is_threaded;              /* its type is not "domain" */
    int is_writable;              /* the directory, cgroup.procs and cgroup.subtree_control, by this user */
    int has_memory, has_pids;     /* in cgroup.controllers: it may give them */
    int gives_memory, gives_pids; /* in cgroup.subtree_control: it does */
    int has_self;                 /* this process is in it */
    int others;                   /* other processes in it */
};

struct cgroup_facts {
    struct {
        int is_mounted;
        int is_writable;
        char path[ISOLATE_CGROUP_PATH_BYTES]; /* the own cgroup; empty when it is not below the mount */
    } v1[ISOLATE_CGROUP_COUNT];
    int v2_is_mounted;
    unsigned level_count;                          /* 0 when the own cgroup of v2 is not below the mount */
    struct cgroup_level levels[CGROUP_LEVELS_MAX]; /* the own one first */
};

/* Pure: what the facts mean. */
void cgroup_decide(const struct cgroup_facts *facts, uint32_t avoid, int may_adopt,
                   isolate_cgroup_choice *choice);

/* Pure: the directory of a process's cgroup in one hierarchy. `controller`: a name of v1, NULL for v2.
 * mountinfo and own: the texts of /proc/self/mountinfo and /proc/self/cgroup. `mount`, unless NULL, gets the
 * mount point. 0; -ENOENT without such a mount; -EXDEV when the own cgroup is not below any such mount. */
int cgroup_directory(const char *mountinfo, const char *own, const char *controller, char *out, size_t bytes,
                     char *mount, size_t mount_bytes);

/* Pure: whether a list, separated by blanks or commas, has the word. */
int cgroup_has_word(const char *list, const char *word);

void cgroup_read_facts(struct cgroup_facts *facts);

/* The directory of another process's cgroup of v2. 0, or -errno. */
int cgroup_directory_of(pid_t pid, char *out, size_t bytes);

/* Calls for each directory that cgroups of ours may have been made in. */
void cgroup_for_each_parent(void (*each)(const char *path, void *context), void *context);

/* Moves this process out of the way, as the choice says. 0, or -errno. */
int cgroup_adopt(const isolate_cgroup_choice *choice);

#endif
