/* Which user and group ids a supervisor may give to its slots. */
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

/* Above the ranges that distributions give to people, services and containers; see the systemd project's
 * list. */
#define ID_BASE 0x70000000u
#define ID_SPAN 0x0fffffc0u

enum { IDS_PER_SUPERVISOR = 64 };

static int has_capabilities(uint32_t wanted) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
    return syscall(SYS_capget, &header, data) == 0 && (data[0].effective & wanted) == wanted;
}

/* Whether `path`, a map of this user namespace, covers our ids; if not, the top of its largest extent. */
static int find_extent(const char *path, uint32_t *base, uint32_t *span) {
    FILE *file = fopen(path, "re");
    unsigned inside, outside, count;
    *base = *span = 0;
    while (file != NULL && fscanf(file, "%u %u %u", &inside, &outside, &count) == 3) {
        if (inside <= ID_BASE && count - (ID_BASE - inside) >= ID_SPAN && count > ID_BASE - inside) {
            *base = ID_BASE;
            *span = ID_SPAN;
            break;
        }
        /* The upper half: people and services have the low numbers. */
        unsigned half = count / 2 / IDS_PER_SUPERVISOR * IDS_PER_SUPERVISOR;
        if (half > *span) {
            *base = inside + (count - half);
            *span = half;
        }
    }
    if (file != NULL)
        fclose(file);
    return *span >= IDS_PER_SUPERVISOR;
}

/* The user's range in /etc/subuid or /etc/subgid: "name or number:first:count". */
static int find_subordinate(const char *path, uint32_t *base, uint32_t *span) {
    const struct passwd *entry = getpwuid(getuid());
    FILE *file = fopen(path, "re");
    char line[512], number[24];
    int found = 0;
    snprintf(number, sizeof number, "%u", getuid());
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
        char *first = strchr(line, ':');
        if (first == NULL)
            continue;
        *first++ = 0;
        if (strcmp(line, number) != 0 && (entry == NULL || strcmp(line, entry->pw_name) != 0))
            continue;
        unsigned start, count;
        if (sscanf(first, "%u:%u", &start, &count) == 2 && count >= IDS_PER_SUPERVISOR) {
            *base = start;
            *span = count / IDS_PER_SUPERVISOR * IDS_PER_SUPERVISOR;
            found = 1;
        }
    }
    if (file != NULL)
        fclose(file);
    return found;
}

const char *internal_find_program(const char *name) {
    static const char *const places[] = {"/usr/bin/", "/bin/", "/usr/local/bin/"};
    static _Thread_local char path[64];
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        snprintf(path, sizeof path, "%s%s", places[i], name);
        if (access(path, X_OK) == 0)
            return path;
    }
    return NULL;
}

void internal_choose_ids(uint32_t avoid, int is_writable, struct isolate_config *config) {
    uint32_t user_span = 0, group_span = 0;
    config->id_count = IDS_PER_SUPERVISOR;
    config->id_source = ISOLATE_IDS_OWN;
    if (has_capabilities(1u << CAP_SETUID | 1u << CAP_SETGID) &&
        find_extent("/proc/self/uid_map", &config->uid_base, &user_span) &&
        find_extent("/proc/self/gid_map", &config->gid_base, &group_span))
        config->id_source = ISOLATE_IDS_PRIVILEGED;
    else if (!(avoid & (ISOLATE_AVOID_SUBORDINATE_IDS | ISOLATE_AVOID_NAMESPACES)) && !is_writable &&
             internal_find_program("newuidmap") != NULL && internal_find_program("newgidmap") != NULL &&
             find_subordinate("/etc/subuid", &config->uid_base, &user_span) &&
             find_subordinate("/etc/subgid", &config->gid_base, &group_span))
        config->id_source = ISOLATE_IDS_SUBORDINATE;
    config->id_span = user_span < group_span ? user_span : group_span;
}
