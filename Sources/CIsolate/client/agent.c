/* The configuration of a container's agent: it turns off what the engine already does. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"
#include "isolate_agent.h"

int isolate_agent_config(const isolate_agent_options *options, void *out, size_t bytes) {
    if (options->bind_target_count > ISOLATE_BIND_MOUNT_MAX)
        return -E2BIG;
    struct isolate_config *config = calloc(1, ISOLATE_FRAME_MAX);
    if (config == NULL)
        return -ENOMEM;
    _Static_assert(sizeof *config + 1 + ISOLATE_BIND_MOUNT_MAX * (ISOLATE_BIND_MOUNT_PATH_BYTES + 1) <=
                       ISOLATE_FRAME_MAX,
                   "a frame has room for all texts");
    config->bytes = sizeof *config + 1; /* the first text is empty */
    for (size_t i = 0; i < options->bind_target_count; i++) {
        if (!isolate_internal_is_bind_target(options->bind_targets[i])) {
            free(config);
            return -EINVAL;
        }
        config->bind_mounts[i] = (struct isolate_bind){ISOLATE_BIND_TREE, 0, config->bytes};
        strcpy((char *)config + config->bytes, options->bind_targets[i]);
        config->bytes += (uint32_t)strlen(options->bind_targets[i]) + 1;
    }
    config->bind_mount_count = (uint32_t)options->bind_target_count;
    config->processors = options->processors > 0 ? options->processors : 1;
    config->features = ISOLATE_FEATURE_CONTAINER | ISOLATE_FEATURE_PROC;
    if (options->is_writable)
        config->features |= ISOLATE_FEATURE_WRITABLE;
    config->id_source = ISOLATE_IDS_PRIVILEGED;
    config->program_uid = options->is_writable ? 0 : options->user;
    config->slot_uid = options->is_writable ? options->user : 0;
    config->cgroup_kind = ISOLATE_CGROUP_CONTAINER;
    config->charge_batch_bytes = 64ull * (uint64_t)sysconf(_SC_PAGESIZE) * config->processors;
    config->memory_slack_bytes = options->memory_slack;
    config->network = (uint32_t)options->network;
    uint32_t variant = ISOLATE_FILTER_HOST_DISK;
    if (options->network == ISOLATE_NETWORK_LOOPBACK)
        variant |= ISOLATE_FILTER_LOOPBACK;
    int count = isolate_filter_compile(variant, config->filter, ISOLATE_FILTER_MAX, &config->answers);
    int result = count < 0 ? count : bytes < config->bytes ? -E2BIG : (int)config->bytes;
    if (result > 0) {
        config->filter_count = (uint32_t)count;
        memcpy(out, config, config->bytes);
    }
    free(config);
    return result;
}
