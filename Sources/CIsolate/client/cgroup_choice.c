/* Which cgroups a supervisor takes. Pure, so that a table of tests covers every kind of host. */
#include <stdio.h>
#include <string.h>

#include "cgroup_facts.h"

static const char *const v1_names[ISOLATE_CGROUP_COUNT] = {"memory", "pids", "cpuacct"};

#define SAY(choice, ...)                                                                                     \
    do {                                                                                                     \
        if ((choice)->reason[0] == 0)                                                                        \
            snprintf((choice)->reason, sizeof(choice)->reason, __VA_ARGS__);                                 \
    } while (0)

/* A message shows the end of a long path, since that part differs between hosts. */
static const char *shown(const char *path) {
    size_t length = strlen(path);
    return length > 70 ? path + length - 70 : path;
}

static int choose_v1(const struct cgroup_facts *facts, isolate_cgroup_choice *choice) {
    int mounted = 0;
    for (int h = 0; h < ISOLATE_CGROUP_COUNT; h++)
        mounted += facts->v1[h].is_mounted;
    if (mounted == 0)
        return 0;
    for (int h = 0; h < ISOLATE_CGROUP_COUNT; h++) {
        if (!facts->v1[h].is_mounted)
            SAY(choice, "cgroup v1 is mounted, but not its controller %s", v1_names[h]);
        else if (facts->v1[h].path[0] == 0)
            SAY(choice, "this process's cgroup v1 of %s is not below its mount", v1_names[h]);
        else if (!facts->v1[h].is_writable)
            SAY(choice, "cgroup v1 is mounted, but %s is not writable by this user",
                shown(facts->v1[h].path));
    }
    if (choice->reason[0] != 0)
        return 0;
    choice->kind = ISOLATE_CGROUP_V1;
    for (int h = 0; h < ISOLATE_CGROUP_COUNT; h++)
        snprintf(choice->parent[h], sizeof choice->parent[h], "%s", facts->v1[h].path);
    return 1;
}

/* Whether an earlier start of this process moved it there. */
static int is_adopted(const char *path) {
    static const char leaf[] = "/embedder";
    size_t length = strlen(path);
    return length >= sizeof leaf && strcmp(path + length - (sizeof leaf - 1), leaf) == 0;
}

/* What prevents a directory from being the parent of the supervisor's cgroups; NULL when nothing does. */
static const char *obstacle(const struct cgroup_level *level, int may_adopt, int *adopt) {
    *adopt = 0;
    if (!level->is_writable)
        return "is not writable by this user";
    if (level->is_threaded)
        return "is a threaded one";
    if (!level->has_memory || !level->has_pids)
        return level->has_memory ? "is not given the controller pids" : "is not given the controller memory";
    /* A cgroup that already delegates controllers has no processes in it (cgroups(7), "no internal
     * processes"), and the root cgroup is exempt from that rule. */
    if ((level->gives_memory && level->gives_pids) || level->is_root)
        return NULL;
    if (level->others > 0)
        return "has other processes in it (EBUSY)";
    if (level->has_self && !may_adopt)
        return "has this process in it, which was not to be moved";
    *adopt = level->has_self;
    return NULL;
}

static int choose_v2(const struct cgroup_facts *facts, int may_adopt, isolate_cgroup_choice *choice) {
    char own[160] = "";
    if (facts->v2_is_mounted && facts->level_count == 0)
        SAY(choice, "this process's cgroup v2 is not below the mount");
    for (unsigned i = 0; i < facts->level_count; i++) {
        const struct cgroup_level *level = &facts->levels[i];
        int adopt;
        const char *what = obstacle(level, may_adopt && !is_adopted(level->path), &adopt);
        if (what == NULL) {
            choice->kind = ISOLATE_CGROUP_V2;
            choice->adopt = adopt;
            snprintf(choice->parent[0], sizeof choice->parent[0], "%s", level->path);
            snprintf(choice->home, sizeof choice->home, "%s%s", facts->levels[0].path,
                     adopt ? "/embedder" : "");
            return 1;
        }
        if (i == 0) /* report the nearest directory only */
            snprintf(own, sizeof own, "cgroup v2 is mounted, but %.80s %.50s", shown(level->path), what);
    }
    if (own[0] != 0)
        SAY(choice, "%s", own);
    return 0;
}

void isolate_internal_cgroup_decide(const struct cgroup_facts *facts, uint32_t avoid, int may_adopt,
                                    isolate_cgroup_choice *choice) {
    memset(choice, 0, sizeof *choice);
    if (avoid & ISOLATE_AVOID_CGROUP) {
        SAY(choice, "cgroups were not to be used");
        return;
    }
    /* On a host with both versions, a controller that v1 uses is not available in v2. */
    if (choose_v1(facts, choice) || choose_v2(facts, may_adopt, choice)) {
        choice->reason[0] = 0;
        return;
    }
    choice->ask_systemd = facts->v2_is_mounted && !facts->v1[ISOLATE_CGROUP_MEMORY].is_mounted;
    SAY(choice, "no cgroup hierarchy is mounted");
}
