/* cgroup v1: memory, pids and cpuacct, each in a hierarchy of its own. */
#include "cgroup.h"

#include "sys.h"
#include "text.h"

enum { PATH_BYTES = 512 };

static const char *text_at(const struct isolate_config *config, uint32_t offset) {
    return (const char *)config + offset;
}

static struct isolate_failure failure(int errno_value, int index) {
    struct isolate_failure result = {ISOLATE_STAGE_CGROUP, errno_value, index};
    return result;
}

static const struct isolate_failure no_failure = {0, 0, 0};

static int slot_path(const struct isolate_config *config, int hierarchy, uint32_t slot, const char *file,
                     char *out) {
    char number[24];
    text_number(number, slot);
    const char *parts[] = {text_at(config, config->cgroup_dir[hierarchy]), "/slot-", number, file, 0};
    return text_join(out, PATH_BYTES, parts);
}

static int make_directory(const char *path) {
    int result = (int)SYS_CALL_3(__NR_mkdirat, AT_FDCWD, path, 0755);
    return result == -EEXIST ? 0 : result;
}

struct isolate_failure cgroup_setup(const struct isolate_config *config) {
    for (int h = 0; h < ISOLATE_CGROUP_COUNT; h++) {
        const char *base = text_at(config, config->cgroup_dir[h]);
        char path[PATH_BYTES];
        const char *leaf[] = {base, "/supervisor", 0};
        const char *procs[] = {base, "/supervisor/cgroup.procs", 0};
        int result = make_directory(base);
        if (result == 0)
            result = text_join(path, sizeof path, leaf);
        if (result == 0)
            result = make_directory(path);
        if (result == 0)
            result = text_join(path, sizeof path, procs);
        int CLEANUP_CLOSE fd = result == 0 ? sys_openat(AT_FDCWD, path, O_WRONLY, 0) : result;
        result = fd < 0 ? fd : (int)sys_write(fd, "0", 1);
        if (result < 0)
            return failure(-result, h);
    }
    return no_failure;
}

static int remove_directory(const char *path) {
    /* A cgroup stays busy for a moment after its last process was reaped. */
    int result = 0;
    for (int attempt = 0; attempt < 200; attempt++) {
        result = (int)SYS_CALL_3(__NR_unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
        if (result != -EBUSY)
            break;
        sys_sleep_ns(1000000);
    }
    return result == -ENOENT ? 0 : result;
}

void cgroup_remove_all(const struct isolate_config *config) {
    for (int h = 0; h < ISOLATE_CGROUP_COUNT; h++) {
        const char *base = text_at(config, config->cgroup_dir[h]);
        char path[PATH_BYTES];
        /* The supervisor itself still sits in its leaf: it goes back to the parent first. */
        const char *parent[] = {base, "/../cgroup.procs", 0};
        if (text_join(path, sizeof path, parent) == 0) {
            int CLEANUP_CLOSE fd = sys_openat(AT_FDCWD, path, O_WRONLY, 0);
            if (fd >= 0)
                sys_write(fd, "0", 1);
        }
        const char *leaf[] = {base, "/supervisor", 0};
        if (text_join(path, sizeof path, leaf) == 0)
            remove_directory(path);
        remove_directory(base);
    }
}

struct v1_file {
    int hierarchy;
    const char *name;
    int flags;
    int required;
    size_t member; /* offset in struct cgroup */
};

#define V1_FILE(hierarchy, name, flags, required, member)                                                    \
    { hierarchy, name, flags, required, offsetof(struct cgroup, member) }

static const struct v1_file v1_files[] = {
    V1_FILE(ISOLATE_CGROUP_MEMORY, "/memory.limit_in_bytes", O_RDWR, 1, memory_limit),
    V1_FILE(ISOLATE_CGROUP_MEMORY, "/memory.memsw.limit_in_bytes", O_RDWR, 0, memsw_limit),
    V1_FILE(ISOLATE_CGROUP_MEMORY, "/memory.usage_in_bytes", O_RDONLY, 1, memory_usage),
    V1_FILE(ISOLATE_CGROUP_MEMORY, "/memory.max_usage_in_bytes", O_RDWR, 1, memory_peak),
    V1_FILE(ISOLATE_CGROUP_MEMORY, "/memory.oom_control", O_RDONLY, 1, oom_control),
    V1_FILE(ISOLATE_CGROUP_MEMORY, "/memory.stat", O_RDONLY, 1, memory_stat),
    V1_FILE(ISOLATE_CGROUP_MEMORY, "/memory.force_empty", O_WRONLY, 1, force_empty),
    V1_FILE(ISOLATE_CGROUP_PIDS, "/pids.max", O_WRONLY, 1, pids_max),
    V1_FILE(ISOLATE_CGROUP_PIDS, "/pids.current", O_RDONLY, 1, pids_current),
    V1_FILE(ISOLATE_CGROUP_PIDS, "/pids.events", O_RDONLY, 0, pids_events),
    V1_FILE(ISOLATE_CGROUP_PIDS, "/pids.peak", O_RDONLY, 0, pids_peak), /* from 6.11 */
    V1_FILE(ISOLATE_CGROUP_CPUACCT, "/cpuacct.usage", O_RDONLY, 1, cpu_usage),
    V1_FILE(ISOLATE_CGROUP_MEMORY, "/cgroup.procs", O_WRONLY, 1, procs[ISOLATE_CGROUP_MEMORY]),
    V1_FILE(ISOLATE_CGROUP_PIDS, "/cgroup.procs", O_WRONLY, 1, procs[ISOLATE_CGROUP_PIDS]),
    V1_FILE(ISOLATE_CGROUP_CPUACCT, "/cgroup.procs", O_WRONLY, 1, procs[ISOLATE_CGROUP_CPUACCT]),
};

enum { V1_FILE_COUNT = sizeof v1_files / sizeof v1_files[0] };

static int *member(struct cgroup *cgroup, const struct v1_file *file) {
    return (int *)(void *)((char *)cgroup + file->member);
}

struct isolate_failure cgroup_create(const struct isolate_config *config, uint32_t slot,
                                     struct cgroup *cgroup) {
    struct isolate_failure result = no_failure;
    char path[PATH_BYTES];
    for (int i = 0; i < V1_FILE_COUNT; i++)
        *member(cgroup, &v1_files[i]) = -1;
    for (int h = 0; h < ISOLATE_CGROUP_COUNT && result.stage == 0; h++) {
        int made = slot_path(config, h, slot, "", path);
        if (made == 0)
            made = make_directory(path);
        if (made < 0)
            result = failure(-made, h);
    }
    for (int i = 0; i < V1_FILE_COUNT && result.stage == 0; i++) {
        const struct v1_file *file = &v1_files[i];
        int fd = slot_path(config, file->hierarchy, slot, file->name, path);
        if (fd == 0)
            fd = sys_openat(AT_FDCWD, path, file->flags, 0);
        if (fd >= 0)
            *member(cgroup, file) = fd;
        else if (file->required)
            result = failure(-fd, file->hierarchy);
    }
    if (result.stage != 0) {
        cgroup_close(cgroup);
        cgroup_remove(config, slot);
    }
    return result;
}

void cgroup_close(struct cgroup *cgroup) {
    for (int i = 0; i < V1_FILE_COUNT; i++)
        sys_close_fd(member(cgroup, &v1_files[i]));
}

int cgroup_remove(const struct isolate_config *config, uint32_t slot) {
    int result = 0;
    char path[PATH_BYTES];
    /* File cache that is still charged would keep the removed cgroup alive in the kernel. */
    if (slot_path(config, ISOLATE_CGROUP_MEMORY, slot, "/memory.force_empty", path) == 0) {
        int CLEANUP_CLOSE fd = sys_openat(AT_FDCWD, path, O_WRONLY, 0);
        if (fd >= 0)
            sys_write(fd, "0", 1);
    }
    for (int h = 0; h < ISOLATE_CGROUP_COUNT; h++) {
        int removed = slot_path(config, h, slot, "", path);
        if (removed == 0)
            removed = remove_directory(path);
        if (removed < 0)
            result = removed;
    }
    return result;
}

struct isolate_failure cgroup_join(const struct cgroup *cgroup) {
    for (int h = 0; h < ISOLATE_CGROUP_COUNT; h++) {
        /* Permission is that of the opener, the supervisor; "0" is the writer itself. */
        int result = (int)sys_write(cgroup->procs[h], "0", 1);
        if (result < 0) {
            struct isolate_failure failed = {ISOLATE_STAGE_JOIN_CGROUP, -result, h};
            return failed;
        }
    }
    return no_failure;
}

struct isolate_failure cgroup_begin(const struct cgroup *cgroup, const struct isolate_limits *limits,
                                    uint64_t *memory_base_bytes, uint64_t *cpu_base_ns) {
    struct isolate_failure failed = {ISOLATE_STAGE_LIMITS, 0, 0};
    /* The seat, and what a slot's earlier runs left in /work, are not this run's: its limit starts above
     * them. */
    uint64_t base = text_read_number(cgroup->memory_usage);
    int result = text_write_number(cgroup->memory_limit, base + limits->memory_bytes);
    /* Both limits were unlimited at rest, so the lower one may come first. */
    if (result == 0 && cgroup->memsw_limit >= 0)
        result = text_write_number(cgroup->memsw_limit, base + limits->memory_bytes);
    if (result == 0)
        result = text_write_number(cgroup->memory_peak, 0);
    if (result == 0) {
        failed.index = ISOLATE_CGROUP_PIDS;
        result = text_write_number(cgroup->pids_max, limits->processes + 1); /* the seat */
    }
    failed.errno_value = -result;
    *memory_base_bytes = base;
    *cpu_base_ns = text_read_number(cgroup->cpu_usage);
    return result < 0 ? failed : no_failure;
}

static uint64_t read_key(int fd, const char *key) {
    char text[2048];
    return fd >= 0 && text_read(fd, text, sizeof text) > 0 ? text_find(text, key, 0) : 0;
}

/* Anonymous and shared memory; 0 when it cannot be read. */
static uint64_t read_resident(const struct cgroup *cgroup) {
    char text[4096];
    if (text_read(cgroup->memory_stat, text, sizeof text) <= 0)
        return 0;
    return text_find(text, "rss", 0) + text_find(text, "shmem", 0);
}

void cgroup_rest(const struct cgroup *cgroup, uint64_t charge_batch_bytes, struct cgroup_base *base) {
    /* "-1" lifts a limit; memory+swap must never be below memory. */
    if (cgroup->memsw_limit >= 0)
        sys_write(cgroup->memsw_limit, "-1", 2);
    sys_write(cgroup->memory_limit, "-1", 2);
    /* The next run must not find the file cache of the last one on its account. */
    base->resident_bytes = 0;
    if (text_read_number(cgroup->memory_usage) > 2 * charge_batch_bytes) {
        sys_write(cgroup->force_empty, "0", 1);
        base->resident_bytes =
            read_resident(cgroup); /* files in /work that an earlier run of the sandbox wrote */
    }
    base->oom_kills = read_key(cgroup->oom_control, "oom_kill");
    base->pids_events = read_key(cgroup->pids_events, "max");
    base->pids_peak = cgroup->pids_peak >= 0 ? text_read_number(cgroup->pids_peak) : ~0ull;
}

uint64_t cgroup_cpu_ns(const struct cgroup *cgroup) {
    return text_read_number(cgroup->cpu_usage);
}

uint64_t cgroup_processes(const struct cgroup *cgroup) {
    uint64_t now = text_read_number(cgroup->pids_current);
    return now > 0 ? now - 1 : 0;
}

void cgroup_sample(const struct cgroup *cgroup, const struct cgroup_base *base, struct cgroup_usage *usage) {
    uint64_t resident = read_resident(cgroup);
    if (resident > base->resident_bytes + usage->resident_bytes)
        usage->resident_bytes = resident - base->resident_bytes;
    usage->oom_kills = read_key(cgroup->oom_control, "oom_kill");
    uint64_t processes = cgroup_processes(cgroup);
    if (processes > usage->processes_peak)
        usage->processes_peak = processes;
}

void cgroup_finish(const struct cgroup *cgroup, const struct cgroup_base *base,
                   const struct isolate_ready_record *ready, uint64_t charge_batch_bytes,
                   struct cgroup_usage *usage) {
    uint64_t cpu = cgroup_cpu_ns(cgroup);
    uint64_t peak = text_read_number(cgroup->memory_peak);
    uint64_t limit = ready->memory_base_bytes + ready->limits.memory_bytes;
    usage->cpu_ns = cpu > ready->cpu_base_ns ? cpu - ready->cpu_base_ns : 0;
    usage->memory_peak_bytes = peak > ready->memory_base_bytes ? peak - ready->memory_base_bytes : 0;
    usage->oom_kills = read_key(cgroup->oom_control, "oom_kill") - base->oom_kills;
    /* The counter stops below the limit by less than what was asked for at once: one charge batch. */
    usage->memory_limit_reached = peak + charge_batch_bytes >= limit;
    usage->processes_limit_hit = read_key(cgroup->pids_events, "max") > base->pids_events;
    /* The kernel's peak cannot be reset: it speaks of this run only when it rose. */
    uint64_t pids_peak = cgroup->pids_peak >= 0 ? text_read_number(cgroup->pids_peak) : 0;
    usage->processes_peak_exact = pids_peak > base->pids_peak;
    if (usage->processes_peak_exact)
        usage->processes_peak = pids_peak - 1;
    if (usage->processes_peak < 1)
        usage->processes_peak = 1;
}

unsigned cgroup_descriptors(const struct cgroup *cgroup, int fds[16]) {
    unsigned count = 0;
    for (int i = 0; i < V1_FILE_COUNT; i++)
        fds[count++] = *(const int *)(const void *)((const char *)cgroup + v1_files[i].member);
    return count;
}
