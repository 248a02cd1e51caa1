/* Which user and group ids a supervisor may give to its slots. */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

/* Above the ranges that distributions assign to users, services and containers; see systemd's "Users, Groups,
 * UIDs and GIDs" page. */
#define ID_BASE 0x70000000u
#define ID_SPAN 0x0fffffc0u

/* Whether this user namespace's map covers the ids from ID_BASE on; if not, picks the top of its largest
 * extent. */
static int find_extent(const char *map, uint32_t *base, uint32_t *span) {
    unsigned inside, outside, count;
    int length;
    *base = *span = 0;
    for (; sscanf(map, "%u %u %u%n", &inside, &outside, &count, &length) == 3; map += length) {
        if (inside <= ID_BASE && count - (ID_BASE - inside) >= ID_SPAN && count > ID_BASE - inside) {
            *base = ID_BASE;
            *span = ID_SPAN;
            break;
        }
        /* The upper half only: users and services have the low numbers. */
        unsigned half = count / 2 / INTERNAL_IDS_PER_SUPERVISOR * INTERNAL_IDS_PER_SUPERVISOR;
        if (half > *span) {
            *base = inside + (count - half);
            *span = half;
        }
    }
    return *span >= INTERNAL_IDS_PER_SUPERVISOR;
}

/* The user's range in a text like /etc/subuid: lines "name or number:first:count". */
static int find_subordinate(const char *text, const char *name, uint32_t uid, uint32_t *base,
                            uint32_t *span) {
    char number[24];
    snprintf(number, sizeof number, "%u", uid);
    *base = *span = 0;
    for (const char *line = text; *line != 0; line += strcspn(line, "\n"), line += *line == '\n') {
        size_t length = strcspn(line, ":\n");
        int is_ours = (length == strlen(number) && memcmp(line, number, length) == 0) ||
                      (name != NULL && length == strlen(name) && memcmp(line, name, length) == 0);
        unsigned long long first, count;
        if (!is_ours || line[length] != ':' || line[length + 1] < '0' || line[length + 1] > '9' ||
            sscanf(line + length, ":%llu:%llu", &first, &count) != 2)
            continue;
        /* Such a range would wrap around, to root and to ordinary users. */
        if (first > UINT32_MAX || count > UINT32_MAX || first + count > UINT32_MAX)
            continue;
        if (count >= INTERNAL_IDS_PER_SUPERVISOR) {
            *base = (uint32_t)first;
            *span = (uint32_t)count / INTERNAL_IDS_PER_SUPERVISOR * INTERNAL_IDS_PER_SUPERVISOR;
            return 1;
        }
    }
    return 0;
}

void isolate_internal_pick_ids(const struct isolate_internal_id_facts *facts, uint32_t avoid, int is_writable,
                               struct isolate_config *config) {
    uint32_t user_span = 0, group_span = 0;
    config->id_count = INTERNAL_IDS_PER_SUPERVISOR;
    config->id_source = ISOLATE_IDS_OWN;
    if (facts->may_set_ids && find_extent(facts->uid_map, &config->uid_base, &user_span) &&
        find_extent(facts->gid_map, &config->gid_base, &group_span))
        config->id_source = ISOLATE_IDS_PRIVILEGED;
    else if (!(avoid & (ISOLATE_AVOID_SUBORDINATE_IDS | ISOLATE_AVOID_NAMESPACES)) && !is_writable &&
             facts->has_helpers &&
             find_subordinate(facts->subuid, facts->name, facts->uid, &config->uid_base, &user_span) &&
             find_subordinate(facts->subgid, facts->name, facts->uid, &config->gid_base, &group_span))
        config->id_source = ISOLATE_IDS_SUBORDINATE;
    else
        config->uid_base = config->gid_base = 0;
    config->id_span = user_span < group_span ? user_span : group_span;
    if (config->id_source == ISOLATE_IDS_OWN)
        config->id_span = 0;
}

const char *isolate_internal_find_program(const char *name) {
    static const char *const directories[] = {"/usr/bin/", "/bin/", "/usr/local/bin/"};
    static _Thread_local char path[64];
    for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++) {
        snprintf(path, sizeof path, "%s%s", directories[i], name);
        if (access(path, X_OK) == 0)
            return path;
    }
    return NULL;
}

/* A whole text file; "" when it cannot be read. */
static char *read_all(const char *path) {
    FILE *file = fopen(path, "re");
    char *text = NULL;
    size_t room = 0;
    ssize_t n = file == NULL ? -1 : getdelim(&text, &room, 0, file);
    if (file != NULL)
        fclose(file);
    if (n < 0) {
        free(text);
        text = strdup("");
    }
    return text;
}

int isolate_internal_choose_ids(uint32_t avoid, int is_writable, struct isolate_config *config) {
    static const char *const paths[] = {"/proc/self/uid_map", "/proc/self/gid_map", "/etc/subuid",
                                        "/etc/subgid"};
    char *texts[4], buffer[4096];
    int is_complete = 1;
    struct passwd space, *entry = NULL;
    getpwuid_r(getuid(), &space, buffer, sizeof buffer, &entry);
    for (int i = 0; i < 4; i++)
        is_complete &= (texts[i] = read_all(paths[i])) != NULL;
    struct isolate_internal_id_facts facts = {
        .may_set_ids = isolate_internal_has_capabilities(ISOLATE_STAGE_ID_MAP),
        .has_helpers = isolate_internal_find_program("newuidmap") != NULL &&
                       isolate_internal_find_program("newgidmap") != NULL,
        .uid_map = texts[0],
        .gid_map = texts[1],
        .subuid = texts[2],
        .subgid = texts[3],
        .name = entry == NULL ? NULL : entry->pw_name,
        .uid = getuid(),
    };
    if (is_complete)
        isolate_internal_pick_ids(&facts, avoid, is_writable, config);
    for (int i = 0; i < 4; i++)
        free(texts[i]);
    return is_complete ? 0 : -ENOMEM;
}
