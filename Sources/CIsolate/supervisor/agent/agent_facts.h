/* Inspects the container. */
#ifndef ISOLATE_AGENT_AGENT_FACTS_H
#define ISOLATE_AGENT_AGENT_FACTS_H

#include "isolate_protocol.h"

/* agent_choose_id with this container's maps. 0, or -errno; -EINVAL: there is no usable id. */
int agent_find_id(uint32_t seed, uint32_t *id);
/* Bits of enum isolate_layer that the engine gave. To be called before the agent drops any right. */
uint32_t agent_layers(const struct isolate_config *config);

#endif
