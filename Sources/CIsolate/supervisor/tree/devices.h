/* The slot's /dev, with nodes of its own. */
#ifndef ISOLATE_TREE_DEVICES_H
#define ISOLATE_TREE_DEVICES_H

#include "isolate_protocol.h"

/* For the supervisor: a mount that nobody has mounted yet, or -errno. */
#define DEVICES_PREFIX "dev/"
int devices_create(const struct isolate_config *config);

#endif
