/* Writes the supervisor's configuration: the root's contents, the masked files of proc, the cgroups, the
 * filter. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup_facts.h"
#include "internal.h"

enum { TEXT_MAX = 128 << 10, PROGRAM_UID = 1000 };

static uint32_t add_bytes(struct config_builder *b, const char *bytes, size_t length) {
    if (b->used + length + 1 > TEXT_MAX) {
        b->error = -E2BIG;
        return 0;
    }
    uint32_t offset = (uint32_t)(sizeof *b->config + b->used);
    memcpy(b->text + b->used, bytes, length);
    b->text[b->used + length] = 0;
    b->used += length + 1;
    return offset;
}

uint32_t isolate_internal_add_text(struct config_builder *b, const char *text) {
    return add_bytes(b, text, strlen(text));
}

static void add_cgroups(struct config_builder *b, const isolate_start_options *options,
                        isolate_supervisor *supervisor) {
    isolate_cgroup_choice choice;
    char name[64];
    isolate_internal_cgroup_name(supervisor, name, sizeof name);
    isolate_cgroup_choose(options->avoid, options->adopt_cgroup, &choice);
    int adopted = choice.adopt ? isolate_internal_cgroup_adopt(&choice) : 0;
    if (adopted < 0) {
        choice.kind = ISOLATE_CGROUP_NONE;
        snprintf(choice.reason, sizeof choice.reason, "moving this process to a cgroup of its own failed: %s",
                 strerrordesc_np(-adopted));
    }
    b->config->cgroup_wait = choice.ask_systemd ? 1 : 0;
    supervisor->cgroup = choice.kind;
    memcpy(supervisor->cgroup_reason, choice.reason, sizeof choice.reason);
    b->config->cgroup_kind = (uint32_t)choice.kind;
    b->config->cgroup_home = isolate_internal_add_text(b, choice.home);
    for (int h = 0; h < ISOLATE_CGROUP_COUNT && choice.parent[h][0] != 0; h++) {
        char path[ISOLATE_CGROUP_PATH_BYTES + sizeof name];
        snprintf(path, sizeof path, "%s/%s", choice.parent[h], name);
        b->config->cgroup_dir[h] = isolate_internal_add_text(b, path);
    }
}

static void choose_features(struct isolate_config *config, const isolate_start_options *options) {
    if (options->avoid & ISOLATE_AVOID_NAMESPACES)
        return;
    config->features = ISOLATE_FEATURE_NAMESPACES;
    if (!(options->avoid & ISOLATE_AVOID_NET_NS))
        config->features |= ISOLATE_FEATURE_NET_NS;
    if (!(options->avoid & ISOLATE_AVOID_PROC))
        config->features |= ISOLATE_FEATURE_PROC;
    if (options->is_writable)
        config->features |= ISOLATE_FEATURE_WRITABLE;
}

/* In a writable root the program is uid 0; otherwise it is an ordinary user. */
static void choose_inner_ids(struct config_builder *b) {
    struct isolate_config *config = b->config;
    int is_writable = (config->features & ISOLATE_FEATURE_WRITABLE) != 0;
    config->program_uid = is_writable ? 0 : PROGRAM_UID;
    config->slot_uid = is_writable ? 1 : 0;
    if (config->id_source == ISOLATE_IDS_OWN)
        config->slot_uid = config->program_uid; /* the user has only one uid to give */
    if (config->id_source == ISOLATE_IDS_SUBORDINATE) {
        config->newuidmap = isolate_internal_add_text(b, isolate_internal_find_program("newuidmap"));
        config->newgidmap = isolate_internal_add_text(b, isolate_internal_find_program("newgidmap"));
    }
}

static void add_scratch_directory(struct config_builder *b, const isolate_supervisor *supervisor) {
    const char *parent = getenv("TMPDIR");
    char name[96], path[1200];
    isolate_internal_cgroup_name(supervisor, name, sizeof name);
    snprintf(path, sizeof path, "%.1024s/%s", parent != NULL && parent[0] == '/' ? parent : "/tmp", name);
    b->config->scratch_directory = isolate_internal_add_text(b, path);
}

static uint32_t filter_variant(const struct isolate_config *config) {
    uint32_t variant = ISOLATE_FILTER_HOST_TREE | ISOLATE_FILTER_HOST_DISK;
    /* Without a network namespace, lo is the host's, so the program gets no access to it. */
    int has_loopback =
        config->network == ISOLATE_NETWORK_LOOPBACK && (config->features & ISOLATE_FEATURE_NET_NS);
    uint32_t network = has_loopback ? ISOLATE_FILTER_LOOPBACK : 0;
    if (config->features & ISOLATE_FEATURE_NAMESPACES)
        return network | (config->id_source == ISOLATE_IDS_OWN ? ISOLATE_FILTER_SHARED_INIT : 0);
    if (config->id_source == ISOLATE_IDS_OWN)
        variant |= ISOLATE_FILTER_SHARED_USER;
    if (config->id_source == ISOLATE_IDS_OWN && config->landlock_abi < 6)
        variant |= ISOLATE_FILTER_NO_SIGNALS;
    return variant;
}

static int fill(struct config_builder *b, const isolate_start_options *options,
                isolate_supervisor *supervisor, isolate_failure *failure) {
    struct isolate_config *config = b->config;
    static unsigned last_number;
    supervisor->number = __atomic_add_fetch(&last_number, 1, __ATOMIC_RELAXED);
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    config->processors = processors > 0 ? (uint32_t)processors : 1;
    choose_features(config, options);
    int result = isolate_internal_choose_ids(options->avoid, options->is_writable, config);
    if (result < 0)
        return result;
    supervisor->id_source = (int)config->id_source;
    choose_inner_ids(b);
    add_scratch_directory(b, supervisor);
    config->landlock_abi = (uint32_t)isolate_landlock_abi();
    config->fail_stage = options->fail_stage;
    config->network = (uint32_t)options->network;
    /* The kernel charges memory ahead, per processor, in batches of 64 pages. */
    config->charge_batch_bytes = 64ull * (uint64_t)sysconf(_SC_PAGESIZE) * config->processors;
    config->hostname = isolate_internal_add_text(b, "sandbox");
    result = isolate_internal_add_rootfs(b, options->root, failure);
    if (result < 0)
        return result;
    result = isolate_internal_add_bind_mounts(b, options->bind_mounts, options->bind_mount_count, failure);
    if (result < 0)
        return result;
    add_cgroups(b, options, supervisor);
    int count =
        isolate_filter_compile(filter_variant(config), config->filter, ISOLATE_FILTER_MAX, &config->answers);
    if (count < 0) {
        *failure = isolate_internal_failure(ISOLATE_STAGE_SECCOMP, -count, 0);
        return count;
    }
    config->filter_count = (uint32_t)count;
    supervisor->landlock = (int)config->landlock_abi;
    return 0;
}

int isolate_internal_config_file(const isolate_start_options *options, isolate_supervisor *supervisor,
                                 int *asks_for_directory, isolate_failure *failure) {
    struct config_builder b = {.config = calloc(1, sizeof(struct isolate_config) + TEXT_MAX)};
    if (b.config == NULL)
        return -ENOMEM;
    b.text = (char *)(b.config + 1);
    int result = fill(&b, options, supervisor, failure);
    if (result == 0)
        result = b.error;
    b.config->bytes = (uint32_t)(sizeof *b.config + b.used);
    *asks_for_directory = b.config->cgroup_wait != 0;
    if (result == 0)
        result = isolate_memory_file(b.config, b.config->bytes);
    free(b.config);
    return result;
}
