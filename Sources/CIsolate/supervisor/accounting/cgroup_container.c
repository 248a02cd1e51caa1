/*
 * A container's cgroup: the engine sets its limits before a run begins, and the slot can only read its files.
 *
 * The cgroup holds the agent, the slot and the seat as well as the program. Their CPU time, read from their
 * clocks, and their memory, read before the run, are subtracted. The peak of memory cannot be reset: it is
 * this run's when it rose during the run; otherwise the samples count.
 */
#include "accounting/cgroup.h"

#include "accounting/cgroup_kinds.h"
#include "accounting/container_use.h"
#include "accounting/looks.h"
#include "failure.h"
#include "slot_state.h"
#include "sys.h"
#include "text.h"
#include <linux/mman.h>

enum {
    RESERVE_BYTES = 1 << 20,
    OURS = 3, /* agent, slot and seat */
};

#define ROOT "/sys/fs/cgroup"

static uint32_t version;

static const struct cgroup_file files_v1[] = {
    {0, "/memory/memory.limit_in_bytes", O_RDONLY, 1, offsetof(struct cgroup, memory_limit)},
    {0, "/memory/memory.usage_in_bytes", O_RDONLY, 1, offsetof(struct cgroup, memory_usage)},
    {0, "/memory/memory.max_usage_in_bytes", O_RDONLY, 1, offsetof(struct cgroup, memory_peak)},
    {0, "/memory/memory.oom_control", O_RDONLY, 1, offsetof(struct cgroup, memory_events)},
    {0, "/memory/memory.stat", O_RDONLY, 1, offsetof(struct cgroup, memory_stat)},
    {0, "/pids/pids.max", O_RDONLY, 1, offsetof(struct cgroup, pids_max)},
    {0, "/pids/pids.current", O_RDONLY, 1, offsetof(struct cgroup, pids_current)},
    {0, "/pids/pids.events", O_RDONLY, 0, offsetof(struct cgroup, pids_events)},
    {0, "/pids/pids.peak", O_RDONLY, 0, offsetof(struct cgroup, pids_peak)},
    {0, "/cpuacct/cpuacct.usage", O_RDONLY, 0, offsetof(struct cgroup, cpu_usage)},
    {0, "/cpu,cpuacct/cpuacct.usage", O_RDONLY, 1, offsetof(struct cgroup, cpu_usage)},
};

static const struct cgroup_file files_v2[] = {
    {0, "/memory.max", O_RDONLY, 1, offsetof(struct cgroup, memory_limit)},
    {0, "/memory.current", O_RDONLY, 1, offsetof(struct cgroup, memory_usage)},
    {0, "/memory.peak", O_RDONLY, 0, offsetof(struct cgroup, memory_peak)},
    {0, "/memory.events", O_RDONLY, 1, offsetof(struct cgroup, memory_events)},
    {0, "/memory.stat", O_RDONLY, 1, offsetof(struct cgroup, memory_stat)},
    {0, "/pids.max", O_RDONLY, 1, offsetof(struct cgroup, pids_max)},
    {0, "/pids.current", O_RDONLY, 1, offsetof(struct cgroup, pids_current)},
    {0, "/pids.events", O_RDONLY, 0, offsetof(struct cgroup, pids_events)},
    {0, "/pids.peak", O_RDONLY, 0, offsetof(struct cgroup, pids_peak)},
    {0, "/cpu.stat", O_RDONLY, 1, offsetof(struct cgroup, cpu_usage)},
};

uint32_t cgroup_container_version(void) {
    return version;
}

static struct isolate_failure setup(const struct isolate_config *config) {
    (void)config;
    int is_v2 = SYS_CALL_3(__NR_faccessat, AT_FDCWD, ROOT "/cgroup.controllers", SYS_F_OK) == 0;
    const char *needed = is_v2 ? ROOT "/memory.current" : ROOT "/memory/memory.usage_in_bytes";
    long result = SYS_CALL_3(__NR_faccessat, AT_FDCWD, needed, SYS_R_OK);
    version = result < 0 ? 0 : is_v2 ? 2 : 1;
    return failure_at(result < 0 ? ISOLATE_STAGE_CGROUP : 0, result, ISOLATE_CGROUP_MEMORY);
}

static struct isolate_failure create(const struct isolate_config *config, uint32_t slot, uint32_t owner,
                                     struct cgroup *cgroup) {
    (void)config;
    (void)slot;
    (void)owner;
    int result =
        version == 2
            ? cgroup_open_files(cgroup, files_v2, sizeof files_v2 / sizeof files_v2[0], 0, AT_FDCWD, ROOT)
            : cgroup_open_files(cgroup, files_v1, sizeof files_v1 / sizeof files_v1[0], 0, AT_FDCWD, ROOT);
    return failure_at(result < 0 ? ISOLATE_STAGE_CGROUP : 0, result, ISOLATE_CGROUP_MEMORY);
}

/* When a program has filled the container with files, its death frees no memory, and the slot's next
 * allocation could make the kernel kill the agent or the slot. The slot releases this reserve first. */
static uint8_t reserve[RESERVE_BYTES] __attribute__((aligned(4096)));
static int has_reserve;

void cgroup_container_keep_reserve(const struct slot *slot) {
    if (has_reserve || !cgroup_container_has_room(slot, 0))
        return;
    for (unsigned i = 0; i < RESERVE_BYTES; i += 4096)
        *(volatile uint8_t *)(reserve + i) = 1;
    has_reserve = 1;
}

int cgroup_container_has_room(const struct slot *slot, uint64_t bytes) {
    uint64_t limit = text_read_number(slot->cgroup.memory_limit);
    return limit == 0 || text_read_number(slot->cgroup.memory_usage) + bytes + 2 * RESERVE_BYTES <= limit;
}

static void release_reserve(void) {
    if (has_reserve)
        SYS_CALL_3(__NR_madvise, reserve, RESERVE_BYTES, MADV_DONTNEED);
    has_reserve = 0;
}

static uint64_t stat_sum(const struct cgroup *cgroup, const char *const keys[]) {
    char text[4096];
    uint64_t sum = 0;
    if (text_read(cgroup->memory_stat, text, sizeof text) <= 0)
        return 0;
    for (unsigned i = 0; keys[i] != 0; i++)
        sum += text_find(text, keys[i], 0);
    return sum;
}

static uint64_t read_resident(const struct cgroup *cgroup) {
    static const char *const v1[] = {"rss", "shmem", 0}, *const v2[] = {"anon", "shmem", 0};
    return stat_sum(cgroup, version == 2 ? v2 : v1);
}

/* v2: how often the container met its own limit. On v1 newer kernels no longer count that in failcnt. */
static uint64_t read_limit_events(const struct cgroup *cgroup) {
    return version == 2 ? cgroup_read_key(cgroup->memory_events, "oom") : 0;
}

/* v1 has only the peak, which stops below the limit by less than one charge batch. A peak left by an earlier
 * run makes an OOM kill of the host count as the container's. */
static int met_own_limit(const struct slot *slot, uint64_t peak) {
    const struct cgroup *cgroup = &slot->cgroup;
    if (version == 2)
        return read_limit_events(cgroup) > slot->cell.base.limit_events;
    return peak + slot->config->charge_batch_bytes >= text_read_number(cgroup->memory_limit);
}

static struct isolate_failure prepare(struct slot *slot) {
    const struct cgroup *cgroup = &slot->cgroup;
    struct cgroup_base *base = &slot->cell.base;
    base->oom_kills = cgroup_read_key(cgroup->memory_events, "oom_kill");
    base->limit_events = read_limit_events(cgroup);
    base->memory_peak = cgroup->memory_peak >= 0 ? text_read_number(cgroup->memory_peak) : ~0ull;
    base->pids_events = cgroup_read_key(cgroup->pids_events, "max");
    base->pids_peak = cgroup->pids_peak >= 0 ? text_read_number(cgroup->pids_peak) : ~0ull;
    return failure_at(0, 0, 0);
}

static uint64_t clock_of(int pid) {
    return pid > 0 ? looks_process_clock(pid) : 0;
}

/* The container's CPU time without that of agent, slot and seat. `slot_pid`: both the slot and the program's
 * process call this. */
static uint64_t read_cpu(const struct slot *slot, int slot_pid) {
    /* Reads the own clocks first: CPU time that these processes use in between is then charged to the program
     * instead of being lost. */
    uint64_t ours = clock_of(1) + clock_of(slot_pid) + clock_of(slot->seat_pid);
    uint64_t all = version == 2 ? cgroup_read_key(slot->cgroup.cpu_usage, "usage_usec") * 1000
                                : text_read_number(slot->cgroup.cpu_usage);
    return all > ours ? all - ours : 0;
}

static struct isolate_failure begin(const struct slot *slot, struct isolate_ready_record *ready) {
    const struct isolate_limits *limits = &ready->limits;
    const struct cgroup *cgroup = &slot->cgroup;
    uint64_t limit = text_read_number(cgroup->memory_limit); /* "max" reads as 0 */
    /* Kernel memory of agent, slot and seat varies, so the embedder adds a fixed sum for them to the
     * limit. */
    uint64_t held = slot->container.held_bytes, slack = slot->config->memory_slack_bytes;
    ready->held_base_bytes = container_held(slot);
    ready->memory_base_bytes = text_read_number(cgroup->memory_usage);
    /* Files that the embedder put into the sandbox stand in it by now, and are not the run's. */
    ready->resident_base_bytes = read_resident(cgroup);
    ready->cpu_base_ns = read_cpu(slot, (int)SYS_CALL_0(__NR_getppid));
    /* The embedder had the engine set this limit. Without it in force the run must not start. */
    if (limit == 0 || limit + slack < held + limits->memory_bytes ||
        limit > held + limits->memory_bytes + slack)
        return failure_at(ISOLATE_STAGE_LIMITS, -ERANGE, ISOLATE_CGROUP_MEMORY);
    uint64_t processes = text_read_number(cgroup->pids_max);
    if (processes != limits->processes + OURS)
        return failure_at(ISOLATE_STAGE_LIMITS, -ERANGE, ISOLATE_CGROUP_PIDS);
    return failure_at(0, 0, 0);
}

static uint64_t cpu_ns(struct slot *slot) {
    return read_cpu(slot, (int)SYS_CALL_0(__NR_getpid));
}

static int is_out_of_memory(const struct slot *slot, const struct cgroup_usage *usage) {
    return usage->is_over_memory ||
           cgroup_read_key(slot->cgroup.memory_events, "oom_kill") > slot->cell.base.oom_kills;
}

static uint64_t sample(struct slot *slot, const struct isolate_ready_record *ready,
                       struct cgroup_usage *usage) {
    const struct cgroup *cgroup = &slot->cgroup;
    uint64_t resident = read_resident(cgroup), processes = text_read_number(cgroup->pids_current);
    /* The container's limit has room for the files that stood in it when the run began. A program that
     * removes them must not get that room. */
    uint64_t held = container_held(slot);
    uint64_t freed = held < ready->held_base_bytes ? ready->held_base_bytes - held : 0;
    uint64_t memory = text_read_number(cgroup->memory_usage) + freed;
    if (resident > ready->resident_base_bytes + usage->resident_bytes)
        usage->resident_bytes = resident - ready->resident_base_bytes;
    if (memory > ready->memory_base_bytes + usage->memory_peak_bytes)
        usage->memory_peak_bytes = memory - ready->memory_base_bytes;
    if (processes > usage->processes_peak + OURS)
        usage->processes_peak = processes - OURS;
    usage->is_over_memory |= freed > 0 && memory > ready->memory_base_bytes + ready->limits.memory_bytes;
    usage->is_out_of_memory = is_out_of_memory(slot, usage);
    if (usage->is_out_of_memory)
        release_reserve();
    /* An OOM kill ends one process, and the rest of the run would go on. So the next sample is due when the
     * program could have reached the limit. */
    uint64_t limit = ready->limits.memory_bytes, used = usage->memory_peak_bytes;
    return looks_next_ns(used < limit ? limit - used : 0);
}

static void finish(struct slot *slot, const struct isolate_ready_record *ready, struct cgroup_usage *usage) {
    const struct cgroup *cgroup = &slot->cgroup;
    uint64_t peak = cgroup->memory_peak >= 0 ? text_read_number(cgroup->memory_peak) : 0;
    usage->cpu_ns = cpu_ns(slot);
    usage->cpu_source = ISOLATE_SOURCE_CGROUP;
    usage->memory_source = ISOLATE_SOURCE_SAMPLED;
    if (peak > slot->cell.base.memory_peak && peak > ready->memory_base_bytes) {
        usage->memory_source = ISOLATE_SOURCE_CGROUP;
        usage->memory_peak_bytes = peak - ready->memory_base_bytes;
    } else if (usage->rusage_resident_bytes > usage->memory_peak_bytes) {
        usage->memory_source = ISOLATE_SOURCE_RUSAGE;
        usage->memory_peak_bytes = usage->rusage_resident_bytes;
    }
    usage->is_out_of_memory = is_out_of_memory(slot, usage);
    usage->memory_limit_reached = usage->is_over_memory || met_own_limit(slot, peak);
    /* Freed file cache from before the run gave the program room, so it used more than the counter rose. */
    if (usage->is_out_of_memory && usage->memory_limit_reached &&
        usage->memory_peak_bytes < ready->limits.memory_bytes)
        usage->memory_peak_bytes = ready->limits.memory_bytes;
    cgroup_finish_processes(cgroup, &slot->cell.base, OURS, usage);
}

const struct cgroup_functions cgroup_container_functions = {
    .setup = setup,
    .create = create,
    .prepare = prepare,
    .begin = begin,
    .cpu_ns = cpu_ns,
    .sample = sample,
    .finish = finish,
};
