/* Helpers for the kinds of cgroup.h: descriptors, files and directories of cgroups. */
#include "accounting/cgroup_kinds.h"

#include <linux/sched.h>

#include "failure.h"
#include "slot_state.h"
#include "sys.h"
#include "text.h"

/* The offsets of struct cgroup's descriptors. */
static const size_t fields[] = {
    offsetof(struct cgroup, slot_dir),     offsetof(struct cgroup, run_dir),
    offsetof(struct cgroup, memory_limit), offsetof(struct cgroup, swap_limit),
    offsetof(struct cgroup, tcp_limit),    offsetof(struct cgroup, memory_usage),
    offsetof(struct cgroup, memory_peak),  offsetof(struct cgroup, memory_events),
    offsetof(struct cgroup, memory_stat),  offsetof(struct cgroup, reclaim),
    offsetof(struct cgroup, pids_max),     offsetof(struct cgroup, pids_current),
    offsetof(struct cgroup, pids_events),  offsetof(struct cgroup, pids_peak),
    offsetof(struct cgroup, cpu_usage),    offsetof(struct cgroup, procs[0]),
    offsetof(struct cgroup, procs[1]),     offsetof(struct cgroup, procs[2]),
};
enum { FIELD_COUNT = sizeof fields / sizeof fields[0] };

static int *field_at(struct cgroup *cgroup, size_t offset) {
    return (int *)(void *)((char *)cgroup + offset);
}

void cgroup_clear(struct cgroup *cgroup) {
    memset(cgroup, 0, sizeof *cgroup);
    for (unsigned i = 0; i < FIELD_COUNT; i++)
        *field_at(cgroup, fields[i]) = -1;
}

void cgroup_close(struct cgroup *cgroup) {
    for (unsigned i = 0; i < FIELD_COUNT; i++)
        sys_close_fd(field_at(cgroup, fields[i]));
}

unsigned cgroup_descriptors(const struct cgroup *cgroup, int fds[20]) {
    for (unsigned i = 0; i < FIELD_COUNT; i++)
        fds[i] = *(const int *)(const void *)((const char *)cgroup + fields[i]);
    return FIELD_COUNT;
}

_Static_assert((int)ISOLATE_DETAIL_JOIN_CGROUP_RIGHTS == (int)ISOLATE_CGROUP_COUNT,
               "the hierarchies come first");

struct isolate_failure cgroup_unshare(struct slot *slot) {
    long result = SYS_CALL_1(__NR_unshare, CLONE_NEWCGROUP);
    slot->cgroup.has_namespace = result == 0;
    /* Without a user namespace of the slot's own this needs CAP_SYS_ADMIN, which it may lack; the run's
     * layers then show that. */
    if (result == -EPERM)
        result = 0;
    return failure_at(result < 0 ? ISOLATE_STAGE_JOIN_CGROUP : 0, result, ISOLATE_DETAIL_JOIN_CGROUP_RIGHTS);
}

int cgroup_open_files(struct cgroup *cgroup, const struct cgroup_file *files, unsigned count, int hierarchy,
                      int dir, const char *directory) {
    char path[CGROUP_PATH_BYTES];
    for (unsigned i = 0; i < count; i++) {
        int *fd = field_at(cgroup, files[i].field);
        const char *parts[] = {directory, files[i].name, 0};
        if (files[i].hierarchy != hierarchy || *fd >= 0)
            continue; /* one file may have several names; the first that exists counts */
        int result = text_join(path, sizeof path, parts);
        if (result == 0)
            result = *fd = sys_openat(dir, path, files[i].flags, 0);
        if (result < 0 && files[i].is_required)
            return result;
    }
    return 0;
}

int cgroup_make_directory(int dir, const char *path) {
    int result = (int)SYS_CALL_3(__NR_mkdirat, dir, path, 0755);
    return result == -EEXIST ? 0 : result;
}

int cgroup_remove_directory(int dir, const char *path) {
    int result = 0;
    for (int attempt = 0; attempt < 200; attempt++) {
        result = (int)SYS_CALL_3(__NR_unlinkat, dir, path, AT_REMOVEDIR);
        if (result != -EBUSY)
            break;
        sys_sleep_ns(1000000);
    }
    return result == -ENOENT ? 0 : result;
}

int cgroup_write_at(int dir, const char *path, const char *text) {
    int CLEANUP_CLOSE fd = sys_openat(dir, path, O_WRONLY, 0);
    long n = fd < 0 ? fd : sys_write(fd, text, text_length(text));
    return n < 0 ? (int)n : 0;
}

uint64_t cgroup_read_key(int fd, const char *key) {
    char text[4096];
    return fd >= 0 && text_read(fd, text, sizeof text) > 0 ? text_find(text, key, 0) : 0;
}

void cgroup_finish_processes(const struct cgroup *cgroup, const struct cgroup_base *base, uint64_t seats,
                             struct cgroup_usage *usage) {
    usage->processes_limit_hit = cgroup_read_key(cgroup->pids_events, "max") > base->pids_events;
    /* The kernel's peak cannot be reset: it is this run's only when it rose. */
    uint64_t peak = cgroup->pids_peak >= 0 ? text_read_number(cgroup->pids_peak) : 0;
    usage->processes_source = ISOLATE_SOURCE_SAMPLED;
    if (peak > base->pids_peak) {
        usage->processes_source = ISOLATE_SOURCE_CGROUP;
        usage->processes_peak = peak - seats;
    }
    if (usage->processes_peak < 1)
        usage->processes_peak = 1;
}
