/* What is asked of the supervisor's configuration everywhere. */
#ifndef ISOLATE_SUPERVISOR_CONFIG_H
#define ISOLATE_SUPERVISOR_CONFIG_H

#include "isolate_protocol.h"

static inline const char *config_text(const struct isolate_config *config, uint32_t offset) {
    return (const char *)config + offset;
}

/* Tests name a stage that is to fail, so that every path of undoing is walked. */
static inline int stage_is_forced_to_fail(const struct isolate_config *config, int stage) {
    return config->fail_stage == (uint32_t)stage;
}

#endif
