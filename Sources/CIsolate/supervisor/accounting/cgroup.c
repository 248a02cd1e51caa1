/* Which kind limits and accounts, and what the kinds with files have in common. */
#include "accounting/cgroup.h"

#include <linux/sched.h>

#include "accounting/cgroup_kinds.h"
#include "failure.h"
#include "slot_state.h"
#include "sys.h"
#include "text.h"

static const struct cgroup_functions *const kinds[] = {[ISOLATE_CGROUP_NONE] = &cgroup_none_functions,
                                                       [ISOLATE_CGROUP_V1] = &cgroup_v1_functions,
                                                       [ISOLATE_CGROUP_V2] = &cgroup_v2_functions,
                                                       [ISOLATE_CGROUP_CONTAINER] =
                                                           &cgroup_container_functions};

enum {
    CONTAINER_PROCESSES_SLACK = 8,
    LOOK_LEAST_NS = 1000000,
    LOOK_MOST_NS = 32000000,
    FILL_BYTES_PER_NS = 4, /* how fast memory can be filled */
    PROCESS_CLOCK = 2,     /* CPUCLOCK_SCHED of a process, its pid inverted above it */
};

/* The supervisor's; every slot is its clone. */
static uint32_t kind_in_force;

/* Where the descriptors of struct cgroup stand. */
static const size_t members[] = {
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
enum { MEMBER_COUNT = sizeof members / sizeof members[0] };

static int *member_at(struct cgroup *cgroup, size_t offset) {
    return (int *)(void *)((char *)cgroup + offset);
}

struct isolate_failure cgroup_setup(const struct isolate_config *config) {
    kind_in_force =
        config->cgroup_kind <= ISOLATE_CGROUP_CONTAINER ? config->cgroup_kind : ISOLATE_CGROUP_NONE;
    if (config->cgroup_wait)
        kind_in_force = cgroup_v2_receive_place() ? ISOLATE_CGROUP_V2 : ISOLATE_CGROUP_NONE;
    const struct cgroup_functions *kind = kinds[kind_in_force];
    struct isolate_failure failure = kind->setup != 0 ? kind->setup(config) : failure_at(0, 0, 0);
    if (failure.stage != 0) {
        cgroup_remove_all(config);
        kind_in_force = ISOLATE_CGROUP_NONE;
    }
    return failure;
}

void cgroup_remove_all(const struct isolate_config *config) {
    if (kinds[kind_in_force]->remove_all != 0)
        kinds[kind_in_force]->remove_all(config);
}

struct isolate_failure cgroup_create(const struct isolate_config *config, uint32_t slot, uint32_t owner,
                                     struct cgroup *cgroup) {
    memset(cgroup, 0, sizeof *cgroup);
    cgroup->kind = kind_in_force;
    for (unsigned i = 0; i < MEMBER_COUNT; i++)
        *member_at(cgroup, members[i]) = -1;
    const struct cgroup_functions *kind = kinds[kind_in_force];
    struct isolate_failure failure =
        kind->create != 0 ? kind->create(config, slot, owner, cgroup) : failure_at(0, 0, 0);
    if (failure.stage != 0) {
        cgroup_close(cgroup);
        cgroup_remove(config, slot);
    }
    return failure;
}

void cgroup_close(struct cgroup *cgroup) {
    for (unsigned i = 0; i < MEMBER_COUNT; i++)
        sys_close_fd(member_at(cgroup, members[i]));
}

int cgroup_remove(const struct isolate_config *config, uint32_t slot) {
    const struct cgroup_functions *kind = kinds[kind_in_force];
    return kind->remove != 0 ? kind->remove(config, slot) : 0;
}

unsigned cgroup_descriptors(const struct cgroup *cgroup, int fds[20]) {
    for (unsigned i = 0; i < MEMBER_COUNT; i++)
        fds[i] = *(const int *)(const void *)((const char *)cgroup + members[i]);
    return MEMBER_COUNT;
}

struct isolate_failure cgroup_open(struct slot *slot) {
    const struct cgroup_functions *kind = kinds[slot->cgroup.kind];
    return kind->open != 0 ? kind->open(slot) : failure_at(0, 0, 0);
}

struct isolate_failure cgroup_join(struct slot *slot) {
    const struct cgroup_functions *kind = kinds[slot->cgroup.kind];
    return kind->join != 0 ? kind->join(slot) : failure_at(0, 0, 0);
}

struct isolate_failure cgroup_prepare(struct slot *slot) {
    return kinds[slot->cgroup.kind]->prepare(slot);
}

struct isolate_failure cgroup_enter(struct slot *slot) {
    /* On the other kinds the seat did so, and its children are born inside. */
    return slot->cgroup.kind == ISOLATE_CGROUP_V2 ? cgroup_unshare(slot) : failure_at(0, 0, 0);
}

uint32_t cgroup_layers(const struct slot *slot) {
    uint32_t layers = slot->cgroup.has_namespace ? ISOLATE_LAYER_CGROUP_NS : 0;
    if (slot->cgroup.kind != ISOLATE_CGROUP_NONE)
        layers |= ISOLATE_LAYER_CGROUP_MEMORY | ISOLATE_LAYER_CGROUP_PIDS | ISOLATE_LAYER_CGROUP_CPU;
    return layers;
}

struct cgroup_rlimits cgroup_rlimits(const struct slot *slot, const struct isolate_limits *limits) {
    struct cgroup_rlimits result = {~0ull, ~0ull};
    /* The engine's limit comes first, since it leaves a trace; this one stands behind it. */
    if (slot->cgroup.kind == ISOLATE_CGROUP_CONTAINER && slot->host.program_uid != 0)
        result.processes = limits->processes + CONTAINER_PROCESSES_SLACK;
    if (slot->cgroup.kind == ISOLATE_CGROUP_NONE) {
        /* Far above what is looked for, since it also counts what was never touched; see cgroup_none.c. */
        result.data_bytes = 4 * limits->memory_bytes + ((uint64_t)1 << 30);
        /* The kernel counts by user and user namespace: slot, seat and init too, if the program is the same.
         */
        result.processes = limits->processes + slot->cell.processes_base;
    }
    return result;
}

struct isolate_failure cgroup_begin(const struct slot *slot, const struct isolate_limits *limits,
                                    uint64_t *memory_base_bytes, uint64_t *cpu_base_ns) {
    return kinds[slot->cgroup.kind]->begin(slot, limits, memory_base_bytes, cpu_base_ns);
}

uint64_t cgroup_cpu_ns(struct slot *slot) {
    return kinds[slot->cgroup.kind]->cpu_ns(slot);
}

uint64_t cgroup_sample(struct slot *slot, const struct isolate_ready_record *ready,
                       struct cgroup_usage *usage) {
    return kinds[slot->cgroup.kind]->sample(slot, ready, usage);
}

void cgroup_last_look(struct slot *slot, const struct isolate_ready_record *ready,
                      struct cgroup_usage *usage) {
    if (slot->cgroup.kind == ISOLATE_CGROUP_CONTAINER) /* its peak cannot be reset: this look may be it */
        cgroup_container_functions.sample(slot, ready, usage);
    if (slot->cgroup.kind != ISOLATE_CGROUP_NONE)
        return; /* counters stay */
    cgroup_none_functions.sample(slot, ready, usage);
    cgroup_none_functions.cpu_ns(slot);
}

void cgroup_finish(struct slot *slot, const struct isolate_ready_record *ready, struct cgroup_usage *usage) {
    kinds[slot->cgroup.kind]->finish(slot, ready, usage);
    usage->cpu_ns = usage->cpu_ns > ready->cpu_base_ns ? usage->cpu_ns - ready->cpu_base_ns : 0;
}

struct isolate_failure cgroup_unshare(struct slot *slot) {
    long result = SYS_CALL_1(__NR_unshare, CLONE_NEWCGROUP);
    slot->cgroup.has_namespace = result == 0;
    /* Without a user namespace of our own that takes a right that we may lack; the report then says so. */
    if (result == -EPERM)
        result = 0;
    return failure_at(result < 0 ? ISOLATE_STAGE_JOIN_CGROUP : 0, result, ISOLATE_CGROUP_COUNT);
}

/* ---- files ---- */

int cgroup_open_files(struct cgroup *cgroup, const struct cgroup_file *files, unsigned count, int hierarchy,
                      int dir, const char *directory) {
    char path[CGROUP_PATH_BYTES];
    for (unsigned i = 0; i < count; i++) {
        int *fd = member_at(cgroup, files[i].member);
        const char *parts[] = {directory, files[i].name, 0};
        if (files[i].hierarchy != hierarchy || *fd >= 0)
            continue; /* of several names of a file the first one counts that is there */
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

uint64_t cgroup_process_clock(int pid) {
    struct sys_timespec used = {0, 0};
    int clock = (int)(~(unsigned)pid << 3 | PROCESS_CLOCK);
    return SYS_CALL_2(__NR_clock_gettime, clock, &used) < 0
               ? 0
               : (uint64_t)used.seconds * 1000000000u + (uint64_t)used.nanoseconds;
}

uint64_t cgroup_next_look(uint64_t free_bytes) {
    uint64_t wait = free_bytes / FILL_BYTES_PER_NS;
    return wait > LOOK_MOST_NS ? LOOK_MOST_NS : wait < LOOK_LEAST_NS ? LOOK_LEAST_NS : wait;
}

uint64_t cgroup_read_key(int fd, const char *key) {
    char text[4096];
    return fd >= 0 && text_read(fd, text, sizeof text) > 0 ? text_find(text, key, 0) : 0;
}

void cgroup_finish_processes(const struct cgroup *cgroup, const struct cgroup_base *base, uint64_t seats,
                             struct cgroup_usage *usage) {
    usage->processes_limit_hit = cgroup_read_key(cgroup->pids_events, "max") > base->pids_events;
    /* The kernel's peak cannot be reset: it speaks of this run only when it rose. */
    uint64_t peak = cgroup->pids_peak >= 0 ? text_read_number(cgroup->pids_peak) : 0;
    usage->processes_source = ISOLATE_SOURCE_SAMPLED;
    if (peak > base->pids_peak) {
        usage->processes_source = ISOLATE_SOURCE_CGROUP;
        usage->processes_peak = peak - seats;
    }
    if (usage->processes_peak < 1)
        usage->processes_peak = 1;
}
