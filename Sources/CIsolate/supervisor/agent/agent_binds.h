/* Directories of the engine's host in the agent's container. */
#ifndef ISOLATE_AGENT_BINDS_H
#define ISOLATE_AGENT_BINDS_H

#include "isolate_protocol.h"

/* Looks at the caller's directories, before any program runs: each must be mounted read-only, with nothing in
 * it through which a program could reach a process of the host. */
struct isolate_failure agent_check_binds(const struct isolate_config *config);

#endif
