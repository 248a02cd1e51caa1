/* Removes what dead owners left: their cgroups, and directories of level minimal. All else dies with them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup_facts.h"
#include "internal.h"

enum { DEPTH_MAX = 4 };

int internal_owner_is_dead(const char *name) {
    unsigned long space = 0;
    int pid = 0;
    unsigned long long start = 0;
    if (sscanf(name, INTERNAL_CGROUP_PREFIX "%lu-%d-%llu-", &space, &pid, &start) != 3 || pid <= 0)
        return 0;
    /* Of another pid namespace's processes we know nothing. A pid comes back; one with the same start time
     * does not. */
    return space == internal_pid_namespace() && internal_start_time(pid) != start;
}

/* Kills what still sits in a dead owner's cgroup: its supervisor cannot, being dead or dying. */
static void kill_members(int dir) {
    int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    int pid;
    while (file != NULL && fscanf(file, "%d", &pid) == 1)
        if (pid > 1)
            kill(pid, SIGKILL);
    if (file != NULL)
        fclose(file);
}

static int remove_tree(int parent, const char *name, int depth) {
    int dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *list = dir < 0 ? NULL : fdopendir(dir);
    if (list == NULL) {
        int error = errno;
        internal_close(&dir);
        return error == ENOENT ? 0 : -error;
    }
    for (struct dirent *entry; (entry = readdir(list)) != NULL;)
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.' && depth < DEPTH_MAX)
            remove_tree(dir, entry->d_name, depth + 1);
    kill_members(dir);
    /* File cache that is charged to it would keep it in the kernel; v1 and v2 call this differently. */
    int empty = openat(dir, "memory.force_empty", O_WRONLY | O_CLOEXEC);
    if (empty < 0)
        empty = openat(dir, "memory.reclaim", O_WRONLY | O_CLOEXEC);
    if (empty >= 0 && write(empty, "1G", 2) < 0)
        errno = 0; /* only makes the removal cheaper */
    internal_close(&empty);
    closedir(list);
    int result = -EBUSY;
    for (int attempt = 0; attempt < 200 && result == -EBUSY; attempt++) {
        result = unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -errno;
        if (result == -EBUSY)
            usleep(1000);
    }
    return result;
}

static void remove_named(const char *path, void *context) {
    int CLEANUP_CLOSE parent = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent >= 0)
        remove_tree(parent, context, 0); /* almost always it is gone already */
}

void internal_remove_cgroups(const isolate_supervisor *supervisor) {
    char name[64];
    internal_cgroup_name(supervisor, name, sizeof name);
    cgroup_for_each_parent(remove_named, name);
}

struct cleaning {
    void (*removed)(const char *path, void *context);
    void *context;
    int count, worst;
};

static void remove_dead(const char *parent, void *context) {
    struct cleaning *cleaning = context;
    DIR *list = opendir(parent);
    for (struct dirent *entry; list != NULL && (entry = readdir(list)) != NULL;) {
        char path[ISOLATE_CGROUP_PATH_BYTES + sizeof entry->d_name + 1];
        if (entry->d_type != DT_DIR || !internal_owner_is_dead(entry->d_name))
            continue;
        int result = remove_tree(dirfd(list), entry->d_name, 0);
        if (result < 0) {
            cleaning->worst = result;
            continue;
        }
        cleaning->count++;
        snprintf(path, sizeof path, "%s/%s", parent, entry->d_name);
        if (cleaning->removed != NULL)
            cleaning->removed(path, cleaning->context);
    }
    if (list != NULL)
        closedir(list);
}

int isolate_cleanup(void (*removed)(const char *path, void *context), void *context) {
    struct cleaning cleaning = {removed, context, 0, 0};
    cgroup_for_each_parent(remove_dead, &cleaning);
    int scratch = internal_remove_dead_scratch(removed, context);
    if (scratch < 0)
        cleaning.worst = scratch;
    return cleaning.worst < 0 ? cleaning.worst : cleaning.count + scratch;
}
