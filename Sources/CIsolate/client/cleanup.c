/* Removes what dead owners left: their cgroups and the directories of level minimal. The kernel frees
 * everything else with the processes. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cgroup_facts.h"
#include "internal.h"

enum { DEPTH_MAX = 4, START_BUDGET_MS = 300, CLEANUP_BUDGET_MS = 30000, ABANDONED_AFTER_S = 10 };

unsigned isolate_internal_abandoned_after_s = ABANDONED_AFTER_S;

enum isolate_internal_owner isolate_internal_owner_of(const char *name) {
    unsigned long space = 0;
    int pid = 0;
    unsigned long long birth = 0;
    /* Versions before the birth wrote the start time, without the letter b. A version that knows only that
     * form does not parse a name with a birth, and this one checks an old name by the start time. */
    int is_start = sscanf(name, INTERNAL_CGROUP_PREFIX "%lu-%d-%llu-", &space, &pid, &birth) == 3;
    if ((!is_start && sscanf(name, INTERNAL_CGROUP_PREFIX "%lu-%d-b%llu-", &space, &pid, &birth) != 3) ||
        pid <= 0)
        return INTERNAL_OWNER_NONE;
    if (space != isolate_internal_pid_namespace())
        return INTERNAL_OWNER_ELSEWHERE;
    uint64_t now = is_start ? isolate_internal_birth_by_clock(pid) : isolate_process_birth(pid);
    return isolate_births_may_match(now, birth) ? INTERNAL_OWNER_LIVES : INTERNAL_OWNER_DEAD;
}

/* Kills the remaining members of a dead owner's cgroup, which its supervisor, dead or dying itself, no longer
 * does. */
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

/* This process cannot judge the pids of another pid namespace, so it kills none of them. A living owner
 * always has a supervisor process in its directory; so an old directory without processes has no owner.
 * Should a process enter it meanwhile, rmdir fails with EBUSY. */
static int is_abandoned(int parent, const char *name) {
    struct stat status;
    struct timespec now;
    if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(status.st_mode))
        return 0;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec - status.st_ctim.tv_sec >= (time_t)isolate_internal_abandoned_after_s;
}

static int has_members(int dir) {
    char byte;
    int CLEANUP_CLOSE fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    /* A process of a namespace that is not visible from here reads as 0. A file that cannot be read counts as
     * not empty. */
    return fd < 0 || read(fd, &byte, 1) != 0;
}

static int remove_empty(int parent, const char *name, int depth) {
    int dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *list = dir < 0 ? NULL : fdopendir(dir);
    int result = list == NULL || has_members(dir) ? -EBUSY : 0;
    if (list == NULL)
        isolate_internal_close(&dir);
    for (struct dirent *entry; result == 0 && (entry = readdir(list)) != NULL;)
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            result = depth < DEPTH_MAX ? remove_empty(dir, entry->d_name, depth + 1) : -EBUSY;
    if (list != NULL)
        closedir(list);
    return result == 0 && unlinkat(parent, name, AT_REMOVEDIR) == 0 ? 0 : -EBUSY;
}

/* Kills the supervisor and the slots before the programs: if the owner is alive after all, no slot remains
 * that could report the kill as the program's own end. */
static void kill_supervisor(int parent, const char *name) {
    char path[300];
    snprintf(path, sizeof path, "%.255s/supervisor", name);
    int CLEANUP_CLOSE dir = openat(parent, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir >= 0)
        kill_members(dir);
}

static int remove_tree(int parent, const char *name, int depth) {
    int dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *list = dir < 0 ? NULL : fdopendir(dir);
    if (list == NULL) {
        int error = errno;
        isolate_internal_close(&dir);
        return error == ENOENT ? 0 : -error;
    }
    for (struct dirent *entry; (entry = readdir(list)) != NULL;)
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.' && depth < DEPTH_MAX)
            remove_tree(dir, entry->d_name, depth + 1);
    kill_members(dir);
    /* Page cache charged to the cgroup would keep it in the kernel after the removal. v1 and v2 name the file
     * differently. */
    int empty = openat(dir, "memory.force_empty", O_WRONLY | O_CLOEXEC);
    if (empty < 0)
        empty = openat(dir, "memory.reclaim", O_WRONLY | O_CLOEXEC);
    if (empty >= 0 && write(empty, "1G", 2) < 0)
        errno = 0; /* a failure only leaves more cached memory behind */
    isolate_internal_close(&empty);
    closedir(list);
    int result = -EBUSY;
    for (int attempt = 0; attempt < 200 && result == -EBUSY; attempt++) {
        result = unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -errno;
        if (result == -EBUSY)
            usleep(1000);
    }
    return result;
}

struct removal {
    char name[64];
    int result;
};

static void remove_named(const char *path, void *context) {
    struct removal *removal = context;
    int CLEANUP_CLOSE parent = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = parent < 0 ? -errno : remove_tree(parent, removal->name, 0); /* usually already gone */
    if (result < 0 && result != -ENOENT)
        removal->result = result;
}

int isolate_internal_remove_cgroups(const isolate_supervisor *supervisor) {
    struct removal removal = {.result = 0};
    isolate_internal_cgroup_name(supervisor, removal.name, sizeof removal.name);
    int result = isolate_internal_cgroup_for_each_parent(remove_named, &removal);
    return result < 0 ? result : removal.result;
}

struct cleaning {
    void (*removed)(const char *path, void *context);
    void *context;
    uint64_t end_ms;
    int count, worst;
};

static void remove_dead(const char *parent, void *context) {
    struct cleaning *cleaning = context;
    DIR *list = opendir(parent);
    if (list == NULL && errno != ENOENT)
        cleaning->worst = -errno;
    for (struct dirent *entry; list != NULL && (entry = readdir(list)) != NULL;) {
        char path[ISOLATE_CGROUP_PATH_BYTES + sizeof entry->d_name + 1];
        if (isolate_internal_now_ms() > cleaning->end_ms) {
            cleaning->worst = -ETIME;
            break;
        }
        enum isolate_internal_owner owner =
            entry->d_type == DT_DIR ? isolate_internal_owner_of(entry->d_name) : INTERNAL_OWNER_NONE;
        if (owner == INTERNAL_OWNER_DEAD) {
            kill_supervisor(dirfd(list), entry->d_name);
            int result = remove_tree(dirfd(list), entry->d_name, 0);
            if (result < 0) {
                cleaning->worst = result;
                continue;
            }
        } else if (owner != INTERNAL_OWNER_ELSEWHERE || !is_abandoned(dirfd(list), entry->d_name) ||
                   remove_empty(dirfd(list), entry->d_name, 0) < 0) {
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

static int clean(unsigned budget_ms, void (*removed)(const char *path, void *context), void *context) {
    struct cleaning cleaning = {removed, context, isolate_internal_now_ms() + budget_ms, 0, 0};
    int result = isolate_internal_cgroup_for_each_parent(remove_dead, &cleaning);
    if (result < 0)
        cleaning.worst = result;
    int scratch = isolate_internal_remove_dead_scratch(cleaning.end_ms, removed, context);
    if (scratch < 0)
        cleaning.worst = scratch;
    return cleaning.worst < 0 ? cleaning.worst : cleaning.count + scratch;
}

int isolate_cleanup(void (*removed)(const char *path, void *context), void *context) {
    return clean(CLEANUP_BUDGET_MS, removed, context);
}

void isolate_internal_cleanup_at_start(void) {
    clean(START_BUDGET_MS, NULL, NULL);
}
