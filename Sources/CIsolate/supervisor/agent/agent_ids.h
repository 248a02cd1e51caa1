/* Which user id a container's program, or its agent, gets. Pure. */
#ifndef ISOLATE_AGENT_AGENT_IDS_H
#define ISOLATE_AGENT_AGENT_IDS_H

#include <stdint.h>

/* An id that both maps of the container's user namespace contain; 0 when there is none. `seed`: any number;
 * containers with different seeds get different ids, since the kernel counts processes by user for the whole
 * host. */
uint32_t agent_choose_id(const char *uid_map, const char *gid_map, uint32_t seed);
/* Whether one line of a map covers these ids. */
int agent_covers_ids(const char *map, uint64_t first, uint64_t count);

#endif
