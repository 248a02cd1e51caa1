/* The slot's /dev, with nodes of its own. */
#ifndef ISOLATE_TREE_DEVICES_H
#define ISOLATE_TREE_DEVICES_H

#include "isolate_protocol.h"

/* Targets of the configuration that belong to this /dev begin with this prefix. */
#define DEVICES_PREFIX "dev/"
/* Supervisor: returns the detached mount, or -errno. */
int devices_create(const struct isolate_config *config);

#endif
