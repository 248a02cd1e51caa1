/* The configuration of a container's agent: it turns off what the engine already does. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

int isolate_agent_config(const isolate_agent_options *options, void *out, size_t bytes) {
    struct isolate_config *config = calloc(1, sizeof *config + 1); /* its only text is empty */
    if (config == NULL)
        return -ENOMEM;
    config->bytes = sizeof *config + 1;
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
