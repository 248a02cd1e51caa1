/* Helpers for the supervisor's configuration that all parts use. */
#ifndef ISOLATE_SUPERVISOR_CONFIG_H
#define ISOLATE_SUPERVISOR_CONFIG_H

#include "isolate_protocol.h"

static inline const char *config_text(const struct isolate_config *config, uint32_t offset) {
    return (const char *)config + offset;
}

/* Tests name a stage that must fail, so that every path that undoes work is run. */
static inline int stage_is_forced_to_fail(const struct isolate_config *config, int stage) {
    return config->fail_stage == (uint32_t)stage;
}

#endif
