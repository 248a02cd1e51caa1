/*
 * cgroup v2: one hierarchy, one fresh cgroup for each run.
 *
 *     swift-sandbox-…/            enables memory and pids for its children
 *       ├─ supervisor/            the supervisor, the slots, the seats, the inits
 *       └─ slot-N/                owned by the slot's root, which makes cgroups in it
 *            └─ run-K/            the program with all its children, and no other process
 *
 * Before 6.12 the peak of memory cannot be reset, and the peak of processes never can, so exact figures need
 * a new cgroup. The seat clones the program's process right into it (CLONE_INTO_CGROUP): no process is ever
 * moved, and none of the library's own is counted there or dies with the program's memory. The kernel permits
 * the clone because the slot's root may write cgroup.procs both of run-K and of the common ancestor, the
 * first directory.
 */
#include "accounting/cgroup_kinds.h"

#include "config.h"
#include "failure.h"
#include "slot_state.h"
#include "sys.h"
#include "text.h"
#include <linux/mount.h>

static struct isolate_failure failure(int result) {
    return failure_at(result < 0 ? ISOLATE_STAGE_CGROUP : 0, result, ISOLATE_CGROUP_MEMORY);
}

/* The directory of a systemd scope; systemd makes and removes it. */
static struct isolate_cgroup_directory_record given;

int cgroup_v2_receive_directory(void) {
    sys_result n = sys_receive(ISOLATE_FD_SOCKET, &given, sizeof given, 0, 0, 0);
    if (n == 0)
        sys_exit(0); /* the embedder has ended */
    if (n != sizeof given || given.type != ISOLATE_CGROUP_DIRECTORY || given.path[sizeof given.path - 1] != 0)
        given.path[0] = 0;
    return given.path[0] != 0;
}

static const char *base_of(const struct isolate_config *config) {
    return given.path[0] != 0 ? given.path : config_text(config, config->cgroup_dir[0]);
}

static int path_below(const struct isolate_config *config, const char *rest, char *out) {
    const char *parts[] = {base_of(config), rest, 0};
    return text_join(out, CGROUP_PATH_BYTES, parts);
}

static int slot_path(const struct isolate_config *config, uint32_t slot, const char *file, char *out) {
    char number[24];
    text_number(number, slot);
    const char *parts[] = {base_of(config), "/slot-", number, file, 0};
    return text_join(out, CGROUP_PATH_BYTES, parts);
}

static int write_below(const struct isolate_config *config, const char *file, const char *text) {
    char path[CGROUP_PATH_BYTES];
    int result = path_below(config, file, path);
    return result < 0 ? result : cgroup_write_at(AT_FDCWD, path, text);
}

/* Both controllers or none: a parent may delegate one and refuse the other. */
static const char controllers[] = "+memory +pids";

static struct isolate_failure setup(const struct isolate_config *config) {
    char path[CGROUP_PATH_BYTES];
    int result = cgroup_make_directory(AT_FDCWD, base_of(config));
    if (result == 0)
        result = path_below(config, "/supervisor", path);
    if (result == 0)
        result = cgroup_make_directory(AT_FDCWD, path);
    /* The supervisor moves into its leaf first: a directory with processes cannot enable controllers for
     * children. */
    if (result == 0)
        result = write_below(config, "/supervisor/cgroup.procs", "0");
    if (result == 0 && write_below(config, "/cgroup.subtree_control", controllers) < 0) {
        /* The parent does not enable them yet. */
        result = write_below(config, "/../cgroup.subtree_control", controllers);
        if (result == 0)
            result = write_below(config, "/cgroup.subtree_control", controllers);
    }
    return failure(result);
}

static void remove_all(const struct isolate_config *config) {
    char path[CGROUP_PATH_BYTES];
    const char *procs[] = {config_text(config, config->cgroup_home), "/cgroup.procs", 0};
    /* The supervisor is still in its leaf. Where it has no right to move back, the owner, which outlives it,
     * removes the rest. */
    if (text_join(path, sizeof path, procs) < 0 || cgroup_write_at(AT_FDCWD, path, "0") < 0)
        return;
    if (path_below(config, "/supervisor", path) == 0)
        cgroup_remove_directory(AT_FDCWD, path);
    cgroup_remove_directory(AT_FDCWD, base_of(config));
}

/* Makes the slot's root the owner of a file, unless it already is. */
static int give(const char *path, uint32_t owner) {
    if (owner == (uint32_t)SYS_CALL_0(__NR_geteuid))
        return 0;
    return (int)SYS_CALL_5(__NR_fchownat, AT_FDCWD, path, owner, -1, AT_SYMLINK_NOFOLLOW);
}

static struct isolate_failure create(const struct isolate_config *config, uint32_t slot, uint32_t owner,
                                     struct cgroup *cgroup) {
    static const char *const given[] = {"", "/cgroup.procs"};
    char path[CGROUP_PATH_BYTES];
    (void)cgroup; /* the slot opens it itself */
    int result = slot_path(config, slot, "", path);
    if (result == 0)
        result = cgroup_make_directory(AT_FDCWD, path);
    if (result == 0)
        result = slot_path(config, slot, "/cgroup.subtree_control", path);
    if (result == 0)
        result = cgroup_write_at(AT_FDCWD, path, controllers);
    for (int i = 0; i < 2 && result == 0; i++) {
        result = slot_path(config, slot, given[i], path);
        if (result == 0)
            result = give(path, owner);
    }
    /* A clone from the seat's cgroup into a run's needs write access to the common ancestor's cgroup.procs
     * too. */
    if (result == 0)
        result = path_below(config, "/cgroup.procs", path);
    if (result == 0)
        result = give(path, owner);
    return failure(result);
}

/* Frees the file cache that is charged to it: otherwise the removed cgroup stays in the kernel. */
static void reclaim(int dir) {
    char text[4096], bytes[24];
    int CLEANUP_CLOSE stat = sys_openat(dir, "memory.stat", O_RDONLY, 0);
    if (stat < 0 || text_read(stat, text, sizeof text) <= 0)
        return;
    uint64_t cache = text_find(text, "file", 0), shared = text_find(text, "shmem", 0);
    if (cache <= shared)
        return; /* nothing, or only shared memory, which its own end frees */
    text_number(bytes, cache - shared);
    if (cgroup_write_at(dir, "memory.reclaim", bytes) == -ENOENT) { /* kernels before 5.19 lack it */
        cgroup_write_at(dir, "memory.high", "0");
        cgroup_write_at(dir, "memory.high", "max");
    }
}

static int remove_run(int parent, const char *name) {
    int CLEANUP_CLOSE dir = sys_openat(parent, name, O_RDONLY | O_DIRECTORY, 0);
    if (dir < 0)
        return dir == -ENOENT ? 0 : dir;
    reclaim(dir);
    return cgroup_remove_directory(parent, name);
}

/* Removes every run's cgroup: usually one, none if the slot had time to clean up. */
static int remove_runs(int dir) {
    struct sys_entries entries;
    const struct sys_entry *entry;
    int result = 0;
    sys_begin_entries(&entries, dir);
    while ((entry = sys_next_entry(&entries)) != 0) {
        int removed = entry->type == SYS_DT_DIR ? remove_run(dir, entry->name) : 0;
        if (removed < 0)
            result = removed;
    }
    return entries.result < 0 ? entries.result : result;
}

static int remove_slot(const struct isolate_config *config, uint32_t slot) {
    char path[CGROUP_PATH_BYTES];
    int result = slot_path(config, slot, "", path);
    if (result < 0)
        return result;
    int CLEANUP_CLOSE dir = sys_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
    if (dir < 0)
        return dir == -ENOENT ? 0 : dir;
    result = remove_runs(dir);
    int removed = cgroup_remove_directory(AT_FDCWD, path);
    return removed < 0 ? removed : result;
}

static struct isolate_failure open_slot(struct slot *slot) {
    char path[CGROUP_PATH_BYTES];
    int result = slot_path(slot->config, slot->number, "", path);
    if (result < 0)
        return failure(result);
    /* A mount of its own: from an ordinary descriptor, ".." would lead to the host's whole tree. */
    result = (int)SYS_CALL_3(__NR_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | O_CLOEXEC);
    if (result == -EPERM) /* without a user namespace the slot sees the host's tree in any case */
        result = sys_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
    slot->cgroup.slot_dir = result;
    return failure(result);
}

static struct isolate_failure join(struct slot *slot) {
    (void)slot; /* the seat stays in the supervisor's cgroup */
    return failure(0);
}

#define FILE_OF(name, flags, required, field)                                                                \
    { 0, name, flags, required, offsetof(struct cgroup, field) }

static const struct cgroup_file files[] = {
    FILE_OF("memory.max", O_WRONLY, 1, memory_limit),
    FILE_OF("memory.swap.max", O_WRONLY, 0, swap_limit),
    FILE_OF("memory.current", O_RDONLY, 1, memory_usage),
    FILE_OF("memory.peak", O_RDONLY, 0, memory_peak),           /* from 5.19 */
    FILE_OF("memory.events.local", O_RDONLY, 1, memory_events), /* from 5.2 */
    FILE_OF("memory.stat", O_RDONLY, 1, memory_stat),
    FILE_OF("pids.max", O_WRONLY, 1, pids_max),
    FILE_OF("pids.current", O_RDONLY, 1, pids_current),
    FILE_OF("pids.events.local", O_RDONLY, 0, pids_events), /* from 6.11 */
    FILE_OF("pids.events", O_RDONLY, 0, pids_events),
    FILE_OF("pids.peak", O_RDONLY, 0, pids_peak), /* from 6.11 */
    FILE_OF("cpu.stat", O_RDONLY, 1, cpu_usage),
};

static void run_name(uint32_t number, char out[32]) {
    char digits[24];
    text_number(digits, number);
    const char *parts[] = {"run-", digits, 0};
    text_join(out, 32, parts);
}

static void close_run(struct cgroup *cgroup) {
    int *const fds[] = {&cgroup->run_dir,      &cgroup->memory_limit, &cgroup->swap_limit,
                        &cgroup->memory_usage, &cgroup->memory_peak,  &cgroup->memory_events,
                        &cgroup->memory_stat,  &cgroup->pids_max,     &cgroup->pids_current,
                        &cgroup->pids_events,  &cgroup->pids_peak,    &cgroup->cpu_usage};
    for (unsigned i = 0; i < sizeof fds / sizeof fds[0]; i++)
        sys_close_fd(fds[i]);
}

static struct isolate_failure prepare(struct slot *slot) {
    struct cgroup *cgroup = &slot->cgroup;
    char name[32];
    memset(&slot->cell.base, 0, sizeof slot->cell.base);
    close_run(cgroup);
    if (cgroup->run_number > 0) {
        run_name(cgroup->run_number, name);
        remove_run(cgroup->slot_dir, name); /* a cgroup that cannot be removed now is removed with the slot */
    }
    run_name(++cgroup->run_number, name);
    int result = (int)SYS_CALL_3(__NR_mkdirat, cgroup->slot_dir, name, 0755);
    if (result == 0)
        result = cgroup->run_dir = sys_openat(cgroup->slot_dir, name, O_PATH | O_DIRECTORY, 0);
    if (result >= 0)
        result = cgroup_open_files(cgroup, files, sizeof files / sizeof files[0], 0, cgroup->run_dir, "");
    if (result >= 0) /* an OOM kill ends the whole run, not only its largest process; from 4.19 */
        result = cgroup_write_at(cgroup->run_dir, "memory.oom.group", "1");
    if (result == 0 && cgroup->swap_limit >= 0)
        result = text_write_number(cgroup->swap_limit, 0);
    return failure(result);
}

static struct isolate_failure begin(const struct slot *slot, struct isolate_ready_record *ready) {
    const struct isolate_limits *limits = &ready->limits;
    const struct cgroup *cgroup = &slot->cgroup;
    int index = ISOLATE_CGROUP_MEMORY;
    /* Memory of the process before exec does not count for the program. */
    ready->memory_base_bytes = text_read_number(cgroup->memory_usage);
    int result = text_write_number(cgroup->memory_limit, ready->memory_base_bytes + limits->memory_bytes);
    if (result == 0) {
        index = ISOLATE_CGROUP_PIDS;
        result = text_write_number(cgroup->pids_max, limits->processes);
    }
    /* So far the cgroup has held only this process, whose own clock is cheaper to read. */
    ready->cpu_base_ns = sys_clock_ns(SYS_CLOCK_PROCESS_CPUTIME_ID);
    return failure_at(result < 0 ? ISOLATE_STAGE_LIMITS : 0, result, index);
}

static uint64_t cpu_ns(struct slot *slot) {
    return cgroup_read_key(slot->cgroup.cpu_usage, "usage_usec") * 1000;
}

static uint64_t sample(struct slot *slot, const struct isolate_ready_record *ready,
                       struct cgroup_usage *usage) {
    const struct cgroup *cgroup = &slot->cgroup;
    char text[4096];
    uint64_t processes = text_read_number(cgroup->pids_current);
    if (text_read(cgroup->memory_stat, text, sizeof text) > 0) {
        uint64_t resident = text_find(text, "anon", 0) + text_find(text, "shmem", 0);
        if (resident > usage->resident_bytes)
            usage->resident_bytes = resident;
    }
    if (processes > usage->processes_peak)
        usage->processes_peak = processes;
    if (cgroup->memory_peak < 0) {
        uint64_t now = text_read_number(cgroup->memory_usage);
        if (now > ready->memory_base_bytes + usage->memory_peak_bytes)
            usage->memory_peak_bytes = now - ready->memory_base_bytes;
    }
    usage->is_out_of_memory = cgroup_read_key(cgroup->memory_events, "oom_kill") > 0;
    return ~0ull;
}

static void finish(struct slot *slot, const struct isolate_ready_record *ready, struct cgroup_usage *usage) {
    const struct cgroup *cgroup = &slot->cgroup;
    usage->cpu_ns = cpu_ns(slot);
    usage->cpu_source = usage->memory_source = ISOLATE_SOURCE_CGROUP;
    if (cgroup->memory_peak >= 0) {
        uint64_t peak = text_read_number(cgroup->memory_peak), base = ready->memory_base_bytes;
        usage->memory_peak_bytes = peak > base ? peak - base : 0;
    } else if (usage->memory_peak_bytes < usage->rusage_resident_bytes) {
        usage->memory_peak_bytes = usage->rusage_resident_bytes;
        usage->memory_source = ISOLATE_SOURCE_RUSAGE;
    } else {
        usage->memory_source = ISOLATE_SOURCE_SAMPLED;
    }
    usage->is_out_of_memory = cgroup_read_key(cgroup->memory_events, "oom_kill") > 0;
    /* The kernel counts `oom` only in the cgroup whose limit was met, so this shows whether it was the run's
     * own. */
    usage->memory_limit_reached = cgroup_read_key(cgroup->memory_events, "oom") > 0;
    cgroup_finish_processes(cgroup, &slot->cell.base, 0, usage);
}

const struct cgroup_functions cgroup_v2_functions = {
    .setup = setup,
    .remove_all = remove_all,
    .create = create,
    .remove = remove_slot,
    .open = open_slot,
    .join = join,
    .prepare = prepare,
    .begin = begin,
    .cpu_ns = cpu_ns,
    .sample = sample,
    .finish = finish,
};
