/* Which user id a container's program, or its agent, gets: one that the container's user namespace maps.
 * Pure. */
#include "agent/agent_ids.h"

#include "text.h"

/* Ids that neither users nor services have, where the container maps as many. An engine that remaps users
 * (`userns-remap`) maps 65,536 in all. */
#define USUAL_FIRST 0x71000000u
#define USUAL_COUNT 0x0E000000u
enum { NOBODY = 65534 /* the kernel shows it for ids that this namespace does not map */ };

struct extent {
    uint64_t first, count;
};

/* Reads the next line "inside outside count" of a map; null at its end. */
static const char *next_extent(const char *text, struct extent *extent) {
    uint64_t numbers[3];
    for (int i = 0; i < 3; i++) {
        while (*text == ' ' || *text == '\n')
            text++;
        if (*text < '0' || *text > '9')
            return 0;
        numbers[i] = text_parse(text);
        while (*text >= '0' && *text <= '9')
            text++;
    }
    extent->first = numbers[0];
    extent->count = numbers[2];
    return text;
}

int agent_covers_ids(const char *map, uint64_t first, uint64_t count) {
    struct extent extent;
    while ((map = next_extent(map, &extent)) != 0)
        if (extent.first <= first && first + count <= extent.first + extent.count)
            return 1;
    return 0;
}

uint32_t agent_choose_id(const char *uid_map, const char *gid_map, uint32_t seed) {
    struct extent extent;
    if (agent_covers_ids(uid_map, USUAL_FIRST, USUAL_COUNT) &&
        agent_covers_ids(gid_map, USUAL_FIRST, USUAL_COUNT))
        return USUAL_FIRST + seed % USUAL_COUNT;
    while ((uid_map = next_extent(uid_map, &extent)) != 0) {
        /* From the upper half, since an image's own users have the low numbers. */
        uint64_t first = extent.first + extent.count / 2, count = extent.count - extent.count / 2;
        uint64_t id = count > 0 ? first + seed % count : 0;
        if (id == NOBODY || id == NOBODY + 1)
            id = first;
        if (id > 0 && id != NOBODY && id != NOBODY + 1 && agent_covers_ids(gid_map, id, 1))
            return (uint32_t)id;
    }
    return 0;
}
