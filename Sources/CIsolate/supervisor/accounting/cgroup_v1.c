/*
 * cgroup v1: memory, pids and cpuacct, each in a hierarchy of its own.
 *
 * A slot has one cgroup, which is recycled for every run: the peak can be reset, and a removed memory cgroup
 * stays in the kernel while one page of file cache is charged to it. Moving a process here takes milliseconds
 * after a quiet time, so only the seat moves, once, and the programs are born in its cgroup.
 */
#include "accounting/cgroup_kinds.h"
#include "config.h"
#include "failure.h"
#include "slot_state.h"
#include "sys.h"
#include "text.h"

static struct isolate_failure failure(int result, int hierarchy) {
    return failure_at(result < 0 ? ISOLATE_STAGE_CGROUP : 0, result, hierarchy);
}

static const char *base_of(const struct isolate_config *config, int hierarchy) {
    return config_text(config, config->cgroup_dir[hierarchy]);
}

static int slot_path(const struct isolate_config *config, int hierarchy, uint32_t slot, const char *file,
                     char *out) {
    char number[24];
    text_number(number, slot);
    const char *parts[] = {base_of(config, hierarchy), "/slot-", number, file, 0};
    return text_join(out, CGROUP_PATH_BYTES, parts);
}

static struct isolate_failure setup(const struct isolate_config *config) {
    for (int h = 0; h < ISOLATE_CGROUP_COUNT; h++) {
        const char *base = base_of(config, h);
        char path[CGROUP_PATH_BYTES];
        const char *leaf[] = {base, "/supervisor", 0};
        const char *procs[] = {base, "/supervisor/cgroup.procs", 0};
        int result = cgroup_make_directory(AT_FDCWD, base);
        if (result == 0)
            result = text_join(path, sizeof path, leaf);
        if (result == 0)
            result = cgroup_make_directory(AT_FDCWD, path);
        if (result == 0)
            result = text_join(path, sizeof path, procs);
        if (result == 0)
            result = cgroup_write_at(AT_FDCWD, path, "0");
        if (result < 0)
            return failure(result, h);
    }
    return failure(0, 0);
}

static void remove_all(const struct isolate_config *config) {
    for (int h = 0; h < ISOLATE_CGROUP_COUNT; h++) {
        const char *base = base_of(config, h);
        char path[CGROUP_PATH_BYTES];
        /* The supervisor is still in its leaf, so it moves back to the parent first. */
        const char *parent[] = {base, "/../cgroup.procs", 0};
        if (text_join(path, sizeof path, parent) == 0)
            cgroup_write_at(AT_FDCWD, path, "0");
        const char *leaf[] = {base, "/supervisor", 0};
        if (text_join(path, sizeof path, leaf) == 0)
            cgroup_remove_directory(AT_FDCWD, path);
        cgroup_remove_directory(AT_FDCWD, base);
    }
}

#define FILE_OF(hierarchy, name, flags, required, field)                                                     \
    { ISOLATE_CGROUP_##hierarchy, name, flags, required, offsetof(struct cgroup, field) }

static const struct cgroup_file files[] = {
    FILE_OF(MEMORY, "/memory.limit_in_bytes", O_RDWR, 1, memory_limit),
    FILE_OF(MEMORY, "/memory.memsw.limit_in_bytes", O_RDWR, 0, swap_limit),
    FILE_OF(MEMORY, "/memory.kmem.tcp.limit_in_bytes", O_WRONLY, 0, tcp_limit),
    FILE_OF(MEMORY, "/memory.usage_in_bytes", O_RDONLY, 1, memory_usage),
    FILE_OF(MEMORY, "/memory.max_usage_in_bytes", O_RDWR, 1, memory_peak),
    FILE_OF(MEMORY, "/memory.oom_control", O_RDONLY, 1, memory_events),
    FILE_OF(MEMORY, "/memory.stat", O_RDONLY, 1, memory_stat),
    FILE_OF(MEMORY, "/memory.force_empty", O_WRONLY, 1, reclaim),
    FILE_OF(PIDS, "/pids.max", O_WRONLY, 1, pids_max),
    FILE_OF(PIDS, "/pids.current", O_RDONLY, 1, pids_current),
    FILE_OF(PIDS, "/pids.events", O_RDONLY, 0, pids_events),
    FILE_OF(PIDS, "/pids.peak", O_RDONLY, 0, pids_peak), /* from 6.11 */
    FILE_OF(CPUACCT, "/cpuacct.usage", O_RDONLY, 1, cpu_usage),
    FILE_OF(MEMORY, "/cgroup.procs", O_WRONLY, 1, procs[ISOLATE_CGROUP_MEMORY]),
    FILE_OF(PIDS, "/cgroup.procs", O_WRONLY, 1, procs[ISOLATE_CGROUP_PIDS]),
    FILE_OF(CPUACCT, "/cgroup.procs", O_WRONLY, 1, procs[ISOLATE_CGROUP_CPUACCT]),
};

static struct isolate_failure create(const struct isolate_config *config, uint32_t slot, uint32_t owner,
                                     struct cgroup *cgroup) {
    (void)owner; /* the supervisor opens the descriptors, and the kernel checks the opener's rights */
    for (int h = 0; h < ISOLATE_CGROUP_COUNT; h++) {
        char path[CGROUP_PATH_BYTES];
        int result = slot_path(config, h, slot, "", path);
        if (result == 0)
            result = cgroup_make_directory(AT_FDCWD, path);
        if (result == 0)
            result = cgroup_open_files(cgroup, files, sizeof files / sizeof files[0], h, AT_FDCWD, path);
        if (result < 0)
            return failure(result, h);
    }
    return failure(0, 0);
}

static int remove_slot(const struct isolate_config *config, uint32_t slot) {
    int result = 0;
    char path[CGROUP_PATH_BYTES];
    /* File cache charged to it would keep the removed cgroup in the kernel. */
    if (slot_path(config, ISOLATE_CGROUP_MEMORY, slot, "/memory.force_empty", path) == 0)
        cgroup_write_at(AT_FDCWD, path, "0");
    for (int h = 0; h < ISOLATE_CGROUP_COUNT; h++) {
        int removed = slot_path(config, h, slot, "", path);
        if (removed == 0)
            removed = cgroup_remove_directory(AT_FDCWD, path);
        if (removed < 0)
            result = removed;
    }
    return result;
}

static struct isolate_failure open_slot(struct slot *slot) {
    (void)slot;
    return failure(0, 0);
}

static struct isolate_failure join(struct slot *slot) {
    for (int h = 0; h < ISOLATE_CGROUP_COUNT; h++) {
        /* The kernel checks the rights of the opener, the supervisor; "0" stands for the writing process. */
        long result = sys_write(slot->cgroup.procs[h], "0", 1);
        if (result < 0)
            return failure_at(ISOLATE_STAGE_JOIN_CGROUP, result, h);
    }
    /* Unshared from inside, so that programs see this cgroup as the root. */
    return cgroup_unshare(slot);
}

/* Anonymous and shared memory; 0 when it cannot be read. */
static uint64_t read_resident(const struct cgroup *cgroup) {
    char text[4096];
    if (text_read(cgroup->memory_stat, text, sizeof text) <= 0)
        return 0;
    return text_find(text, "rss", 0) + text_find(text, "shmem", 0);
}

static struct isolate_failure prepare(struct slot *slot) {
    const struct cgroup *cgroup = &slot->cgroup;
    struct cgroup_base *base = &slot->cell.base;
    /* "-1" lifts a limit; memory+swap must never be below memory. */
    if (cgroup->swap_limit >= 0)
        sys_write(cgroup->swap_limit, "-1", 2);
    sys_write(cgroup->memory_limit, "-1", 2);
    /* Frees the last run's file cache, which would otherwise count for the next run. */
    base->resident_bytes = 0;
    if (text_read_number(cgroup->memory_usage) > 2 * slot->config->charge_batch_bytes) {
        sys_write(cgroup->reclaim, "0", 1);
        base->resident_bytes = read_resident(cgroup); /* files in /work from an earlier run of the sandbox */
    }
    base->oom_kills = cgroup_read_key(cgroup->memory_events, "oom_kill");
    base->pids_events = cgroup_read_key(cgroup->pids_events, "max");
    base->pids_peak = cgroup->pids_peak >= 0 ? text_read_number(cgroup->pids_peak) : ~0ull;
    return failure(0, 0);
}

static struct isolate_failure begin(const struct slot *slot, struct isolate_ready_record *ready) {
    const struct isolate_limits *limits = &ready->limits;
    const struct cgroup *cgroup = &slot->cgroup;
    int index = ISOLATE_CGROUP_MEMORY;
    /* The seat's memory and files in /work from earlier runs do not count for this run: its limit starts
     * above them. */
    uint64_t base = text_read_number(cgroup->memory_usage);
    int result = text_write_number(cgroup->memory_limit, base + limits->memory_bytes);
    /* Both limits are off between runs, so the lower one may be set first. */
    if (result == 0 && cgroup->swap_limit >= 0)
        result = text_write_number(cgroup->swap_limit, base + limits->memory_bytes);
    /* v1 accounts TCP buffers separately; when this account is full, senders wait. */
    if (result == 0 && cgroup->tcp_limit >= 0 && slot->config->network == ISOLATE_NETWORK_LOOPBACK)
        result = text_write_number(cgroup->tcp_limit, limits->memory_bytes);
    if (result == 0)
        result = text_write_number(cgroup->memory_peak, 0);
    if (result == 0) {
        index = ISOLATE_CGROUP_PIDS;
        result = text_write_number(cgroup->pids_max, limits->processes + 1); /* plus the seat */
    }
    ready->memory_base_bytes = base;
    ready->cpu_base_ns = text_read_number(cgroup->cpu_usage);
    return failure_at(result < 0 ? ISOLATE_STAGE_LIMITS : 0, result, index);
}

static uint64_t cpu_ns(struct slot *slot) {
    return text_read_number(slot->cgroup.cpu_usage);
}

static uint64_t sample(struct slot *slot, const struct isolate_ready_record *ready,
                       struct cgroup_usage *usage) {
    const struct cgroup *cgroup = &slot->cgroup;
    (void)ready;
    uint64_t resident = read_resident(cgroup), processes = text_read_number(cgroup->pids_current);
    if (resident > slot->cell.base.resident_bytes + usage->resident_bytes)
        usage->resident_bytes = resident - slot->cell.base.resident_bytes;
    if (processes > usage->processes_peak + 1)
        usage->processes_peak = processes - 1; /* less the seat */
    usage->is_out_of_memory = cgroup_read_key(cgroup->memory_events, "oom_kill") > slot->cell.base.oom_kills;
    return ~0ull;
}

static void finish(struct slot *slot, const struct isolate_ready_record *ready, struct cgroup_usage *usage) {
    const struct cgroup *cgroup = &slot->cgroup;
    uint64_t peak = text_read_number(cgroup->memory_peak);
    uint64_t limit = ready->memory_base_bytes + ready->limits.memory_bytes;
    usage->cpu_ns = cpu_ns(slot);
    usage->cpu_source = usage->memory_source = ISOLATE_SOURCE_CGROUP;
    usage->memory_peak_bytes = peak > ready->memory_base_bytes ? peak - ready->memory_base_bytes : 0;
    usage->is_out_of_memory = cgroup_read_key(cgroup->memory_events, "oom_kill") > slot->cell.base.oom_kills;
    /* The counter stops below the limit by less than one charge batch, the amount that the kernel requests at
     * once. */
    usage->memory_limit_reached = peak + slot->config->charge_batch_bytes >= limit;
    cgroup_finish_processes(cgroup, &slot->cell.base, 1, usage);
}

const struct cgroup_functions cgroup_v1_functions = {
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
