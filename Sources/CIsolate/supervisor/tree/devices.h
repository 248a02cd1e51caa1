/* The slot's /dev, with nodes of its own. */
#ifndef ISOLATE_TREE_DEVICES_H
#define ISOLATE_TREE_DEVICES_H

#include "isolate_protocol.h"

/* What targets of the configuration that belong here begin with. */
#define DEVICES_PREFIX "dev/"
/* For the supervisor: a mount that nobody has mounted yet, or -errno. */
int devices_create(const struct isolate_config *config);

#endif
