/* What this host is: cgroup hierarchies, Landlock, the age of processes. */
#include <errno.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

static const char *const v1_names[ISOLATE_CGROUP_COUNT] = {"memory", "pids", "cpuacct"};

int isolate_landlock_abi(void) {
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return abi > 0 ? (int)abi : 0;
}

static int has_word(const char *list, const char *word) {
    size_t n = strlen(word);
    for (const char *p = list; (p = strstr(p, word)) != NULL; p += n)
        if ((p == list || p[-1] == ',') && (p[n] == 0 || p[n] == ',' || p[n] == '\n'))
            return 1;
    return 0;
}

/* The mount point of a v1 hierarchy, and which of its directories is mounted there. */
static int find_mount(const char *controller, char mount[512], char root[512]) {
    FILE *file = fopen("/proc/self/mountinfo", "re");
    char line[2048];
    int result = -ENOENT;
    while (file != NULL && result != 0 && fgets(line, sizeof line, file) != NULL) {
        char *separator = strstr(line, " - cgroup ");
        if (separator == NULL || sscanf(line, "%*d %*d %*s %511s %511s", root, mount) != 2)
            continue;
        char *options = strrchr(separator, ' ');
        if (options != NULL && has_word(options + 1, controller))
            result = 0;
    }
    if (file != NULL)
        fclose(file);
    return result;
}

static int find_own(const char *controller, char path[512]) {
    FILE *file = fopen("/proc/self/cgroup", "re");
    char line[2048];
    int result = -ENOENT;
    while (file != NULL && result != 0 && fgets(line, sizeof line, file) != NULL) {
        char *list = strchr(line, ':'), *own = list == NULL ? NULL : strchr(list + 1, ':');
        if (own == NULL)
            continue;
        *own = 0;
        own[strcspn(own + 1, "\n") + 1] = 0;
        if (has_word(list + 1, controller) && strlen(own + 1) < 512) {
            strcpy(path, own + 1);
            result = 0;
        }
    }
    if (file != NULL)
        fclose(file);
    return result;
}

int isolate_cgroup_v1_path(int hierarchy, char *out, size_t bytes) {
    char mount[512], root[512], own[512];
    if (hierarchy < 0 || hierarchy >= ISOLATE_CGROUP_COUNT)
        return -EINVAL;
    int result = find_mount(v1_names[hierarchy], mount, root);
    if (result == 0)
        result = find_own(v1_names[hierarchy], own);
    if (result < 0)
        return result;
    /* In a container the mounted part may be our own directory: what is above it is not below the mount
     * point. */
    const char *below = own;
    size_t n = strlen(root);
    if (strcmp(root, "/") != 0 && strncmp(own, root, n) == 0)
        below = own + n;
    if (strcmp(below, "/") == 0)
        below = "";
    int length = snprintf(out, bytes, "%s%s", mount, below);
    return length < 0 || (size_t)length >= bytes ? -ENAMETOOLONG : 0;
}

unsigned long long internal_start_time(pid_t pid) {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    size_t n = file == NULL ? 0 : fread(text, 1, sizeof text - 1, file);
    if (file != NULL)
        fclose(file);
    text[n] = 0;
    /* The name may hold anything; the fields begin after its last parenthesis. Start time is field 22. */
    char *field = strrchr(text, ')');
    for (int i = 2; field != NULL && i < 22; i++)
        field = strchr(field + 1, ' ');
    return field == NULL ? 0 : strtoull(field, NULL, 10);
}

unsigned long internal_pid_namespace(void) {
    struct stat status;
    return stat("/proc/self/ns/pid", &status) == 0 ? (unsigned long)status.st_ino : 0;
}

void internal_cgroup_name(const isolate_supervisor *supervisor, char *out, size_t bytes) {
    snprintf(out, bytes, INTERNAL_CGROUP_PREFIX "%lu-%d-%llu-%u", internal_pid_namespace(),
             (int)supervisor->owner, internal_start_time(supervisor->owner), supervisor->number);
}

void internal_close(int *fd) {
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}
