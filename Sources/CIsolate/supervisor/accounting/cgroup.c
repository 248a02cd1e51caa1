/* Picks the kind of limits and accounting that the configuration names, and calls its functions. */
#include "accounting/cgroup.h"

#include "accounting/cgroup_kinds.h"
#include "failure.h"
#include "slot_state.h"

static const struct cgroup_functions *const kinds[] = {[ISOLATE_CGROUP_NONE] = &cgroup_none_functions,
                                                       [ISOLATE_CGROUP_V1] = &cgroup_v1_functions,
                                                       [ISOLATE_CGROUP_V2] = &cgroup_v2_functions,
                                                       [ISOLATE_CGROUP_CONTAINER] =
                                                           &cgroup_container_functions};

enum { CONTAINER_PROCESSES_SLACK = 8 };

/* Set by the supervisor before the first slot; each slot, as its clone, has a copy. */
static uint32_t kind_in_force;

struct isolate_failure cgroup_setup(const struct isolate_config *config) {
    kind_in_force =
        config->cgroup_kind <= ISOLATE_CGROUP_CONTAINER ? config->cgroup_kind : ISOLATE_CGROUP_NONE;
    if (config->cgroup_wait)
        kind_in_force = cgroup_v2_receive_directory() ? ISOLATE_CGROUP_V2 : ISOLATE_CGROUP_NONE;
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
    cgroup_clear(cgroup);
    cgroup->kind = kind_in_force;
    const struct cgroup_functions *kind = kinds[kind_in_force];
    struct isolate_failure failure =
        kind->create != 0 ? kind->create(config, slot, owner, cgroup) : failure_at(0, 0, 0);
    if (failure.stage != 0) {
        cgroup_close(cgroup);
        cgroup_remove(config, slot);
    }
    return failure;
}

int cgroup_remove(const struct isolate_config *config, uint32_t slot) {
    const struct cgroup_functions *kind = kinds[kind_in_force];
    return kind->remove != 0 ? kind->remove(config, slot) : 0;
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
    /* On the other kinds the seat has unshared already, and its children are born inside. */
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
    /* The engine's pids limit applies first, since its refusals are counted; this one is above it. */
    if (slot->cgroup.kind == ISOLATE_CGROUP_CONTAINER && slot->host.program_uid != 0)
        result.processes = limits->processes + CONTAINER_PROCESSES_SLACK;
    if (slot->cgroup.kind == ISOLATE_CGROUP_NONE) {
        /* Far above the memory limit, since RLIMIT_DATA also counts pages that were never touched; see
         * cgroup_none.c. */
        result.data_bytes = 4 * limits->memory_bytes + ((uint64_t)1 << 30);
        /* The kernel counts by user and user namespace: slot, seat and init count too, where they have the
         * program's user. */
        result.processes = limits->processes + slot->cell.processes_base;
    }
    return result;
}

struct isolate_failure cgroup_begin(const struct slot *slot, struct isolate_ready_record *ready) {
    return kinds[slot->cgroup.kind]->begin(slot, ready);
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
    /* The peak cannot be reset, so this look may be the only one to see it. */
    if (slot->cgroup.kind == ISOLATE_CGROUP_CONTAINER)
        cgroup_container_functions.sample(slot, ready, usage);
    if (slot->cgroup.kind != ISOLATE_CGROUP_NONE)
        return; /* their counters outlive the processes */
    cgroup_none_functions.sample(slot, ready, usage);
    cgroup_none_functions.cpu_ns(slot);
}

void cgroup_finish(struct slot *slot, const struct isolate_ready_record *ready, struct cgroup_usage *usage) {
    kinds[slot->cgroup.kind]->finish(slot, ready, usage);
    usage->cpu_ns = usage->cpu_ns > ready->cpu_base_ns ? usage->cpu_ns - ready->cpu_base_ns : 0;
}
