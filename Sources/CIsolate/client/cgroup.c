/* Reads which cgroups this process is in, and which of them it may use. */
#include "cgroup_facts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

static const char *const v1_names[ISOLATE_CGROUP_COUNT] = {"memory", "pids", "cpuacct"};

int isolate_internal_cgroup_has_word(const char *list, const char *word) {
    size_t n = strlen(word);
    for (const char *p = list; (p = strstr(p, word)) != NULL; p += n)
        if ((p == list || strchr(", ", p[-1]) != NULL) && (p[n] == 0 || strchr(", \n", p[n]) != NULL))
            return 1;
    return 0;
}

/* Copies up to the end of the line; 0 when it does not fit. */
static int copy_line(const char *from, char *out, size_t bytes) {
    size_t n = strcspn(from, "\n");
    if (n >= bytes)
        return 0;
    memcpy(out, from, n);
    out[n] = 0;
    return 1;
}

/* The path after the second colon of this hierarchy's line. */
static int find_own(const char *text, const char *controller, char *out, size_t bytes) {
    for (const char *line = text; *line != 0; line += strcspn(line, "\n"), line += *line == '\n') {
        char list[256];
        const char *first = strchr(line, ':'), *second = first == NULL ? NULL : strchr(first + 1, ':');
        if (second == NULL || second > line + strcspn(line, "\n"))
            continue;
        snprintf(list, sizeof list, "%.*s", (int)(second - first - 1), first + 1);
        int is_it = controller == NULL ? strncmp(line, "0::", 3) == 0
                                       : isolate_internal_cgroup_has_word(list, controller);
        if (is_it)
            return copy_line(second + 1, out, bytes);
    }
    return 0;
}

/* mountinfo writes blanks and backslashes as three octal digits. */
void isolate_internal_unescape(char *text) {
    char *out = text;
    for (const char *p = text; *p != 0; out++)
        if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] != 0 && p[3] != 0) {
            *out = (char)((p[1] - '0') * 64 + (p[2] - '0') * 8 + (p[3] - '0'));
            p += 4;
        } else {
            *out = *p++;
        }
    *out = 0;
}

/* The part of `own` below `root`, "" for the root itself; NULL when it is not below. */
static const char *below(const char *own, const char *root) {
    size_t n = strcmp(root, "/") == 0 ? 0 : strlen(root);
    /* In a cgroup namespace the kernel shows a path outside of it as "/..". */
    if (strncmp(own, "/..", 3) == 0 && (own[3] == '/' || own[3] == 0))
        return strcmp(own, root) == 0 ? "" : NULL;
    if (strncmp(own, root, n) != 0 || (own[n] != '/' && own[n] != 0))
        return NULL;
    return strcmp(own + n, "/") == 0 ? "" : own + n;
}

int isolate_internal_cgroup_directory(const char *mountinfo, const char *own_text, const char *controller,
                                      char *out, size_t bytes, char *mount_out, size_t mount_bytes) {
    int result = -ENOENT;
    char own[1024];
    int has_own = find_own(own_text, controller, own, sizeof own);
    for (const char *next = mountinfo; *next != 0; next += strcspn(next, "\n"), next += *next == '\n') {
        char line[4096], root[1024], mount[1024];
        const char *type = controller == NULL ? " - cgroup2 " : " - cgroup ";
        if (!copy_line(next, line, sizeof line))
            continue;
        char *separator = strstr(line, type), *options = strrchr(line, ' ');
        if (separator == NULL || options == NULL ||
            (controller != NULL && !isolate_internal_cgroup_has_word(options + 1, controller)) ||
            sscanf(line, "%*d %*d %*s %1023s %1023s", root, mount) != 2)
            continue;
        isolate_internal_unescape(root);
        isolate_internal_unescape(mount);
        const char *rest = has_own ? below(own, root) : NULL;
        if (rest == NULL) {
            result = -EXDEV; /* another mount of this hierarchy may contain this process's cgroup */
            continue;
        }
        int length = snprintf(out, bytes, "%s%s", mount, rest);
        if (length < 0 || (size_t)length >= bytes)
            return -ENAMETOOLONG;
        if (mount_out != NULL)
            snprintf(mount_out, mount_bytes, "%s", mount);
        return 0;
    }
    return result;
}

/* A whole file of proc or of a cgroup, on the heap; NULL when it cannot be read. */
static char *read_file(const char *path) {
    size_t used = 0, room = 4096;
    char *text = malloc(room);
    int CLEANUP_CLOSE fd = open(path, O_RDONLY | O_CLOEXEC);
    while (text != NULL && fd >= 0) {
        ssize_t n = read(fd, text + used, room - used - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            text[used] = 0;
            return text;
        }
        used += (size_t)n;
        if (used + 1 < room)
            continue;
        char *grown = realloc(text, room *= 2);
        if (grown == NULL)
            break;
        text = grown;
    }
    free(text);
    return NULL;
}

static char *read_at(const char *directory, const char *file) {
    char path[ISOLATE_CGROUP_PATH_BYTES + 80];
    snprintf(path, sizeof path, "%s/%s", directory, file);
    return read_file(path);
}

static int is_writable(const char *directory, const char *file) {
    char path[ISOLATE_CGROUP_PATH_BYTES + 80];
    snprintf(path, sizeof path, "%s/%s", directory, file);
    return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0;
}

static void read_processes(struct cgroup_level *level) {
    char *text = read_at(level->path, "cgroup.procs");
    for (char *p = text; p != NULL && *p != 0;) {
        long pid = strtol(p, &p, 10);
        if (pid == getpid())
            level->has_self = 1;
        else
            level->others++; /* the kernel shows a process of another pid namespace as 0 */
        p += strspn(p, "\n");
    }
    free(text);
}

static void read_level(struct cgroup_level *level) {
    char *type = read_at(level->path, "cgroup.type");
    char *available = read_at(level->path, "cgroup.controllers");
    char *given = read_at(level->path, "cgroup.subtree_control");
    level->is_root = type == NULL; /* the root cgroup is the only one without a cgroup.type */
    level->is_threaded = type != NULL && strcmp(type, "domain\n") != 0;
    level->has_memory = available != NULL && isolate_internal_cgroup_has_word(available, "memory");
    level->has_pids = available != NULL && isolate_internal_cgroup_has_word(available, "pids");
    level->gives_memory = given != NULL && isolate_internal_cgroup_has_word(given, "memory");
    level->gives_pids = given != NULL && isolate_internal_cgroup_has_word(given, "pids");
    level->is_writable = is_writable(level->path, ".") && is_writable(level->path, "cgroup.procs") &&
                         is_writable(level->path, "cgroup.subtree_control");
    read_processes(level);
    free(type);
    free(available);
    free(given);
}

static void read_texts(char **mountinfo, char **own) {
    *mountinfo = read_file("/proc/self/mountinfo");
    *own = read_file("/proc/self/cgroup");
}

void isolate_internal_cgroup_read_facts(struct cgroup_facts *facts) {
    char *mountinfo, *own, path[ISOLATE_CGROUP_PATH_BYTES], mount[ISOLATE_CGROUP_PATH_BYTES];
    memset(facts, 0, sizeof *facts);
    read_texts(&mountinfo, &own);
    if (mountinfo == NULL || own == NULL)
        goto done;
    for (int h = 0; h < ISOLATE_CGROUP_COUNT; h++) {
        int result = isolate_internal_cgroup_directory(mountinfo, own, v1_names[h], facts->v1[h].path,
                                                       sizeof facts->v1[h].path, NULL, 0);
        facts->v1[h].is_mounted = result != -ENOENT;
        if (result < 0)
            facts->v1[h].path[0] = 0;
        else
            facts->v1[h].is_writable =
                is_writable(facts->v1[h].path, ".") && is_writable(facts->v1[h].path, "cgroup.procs");
    }
    int result =
        isolate_internal_cgroup_directory(mountinfo, own, NULL, path, sizeof path, mount, sizeof mount);
    facts->v2_is_mounted = result != -ENOENT;
    while (result == 0 && facts->level_count < CGROUP_LEVELS_MAX) {
        struct cgroup_level *level = &facts->levels[facts->level_count++];
        memcpy(level->path, path, sizeof path);
        read_level(level);
        char *last = strrchr(path, '/');
        if (strlen(path) <= strlen(mount) || last == NULL)
            break;
        *last = 0;
    }
done:
    free(mountinfo);
    free(own);
}

void isolate_cgroup_choose(uint32_t avoid, int may_adopt, isolate_cgroup_choice *choice) {
    struct cgroup_facts *facts = malloc(sizeof *facts);
    if (facts == NULL) {
        memset(choice, 0, sizeof *choice);
        snprintf(choice->reason, sizeof choice->reason, "no memory to look at the host's cgroups");
        return;
    }
    isolate_internal_cgroup_read_facts(facts);
    isolate_internal_cgroup_decide(facts, avoid, may_adopt, choice);
    free(facts);
}

int isolate_cgroup_v1_path(int hierarchy, char *out, size_t bytes) {
    char *mountinfo, *own;
    if (hierarchy < 0 || hierarchy >= ISOLATE_CGROUP_COUNT)
        return -EINVAL;
    read_texts(&mountinfo, &own);
    int result =
        mountinfo == NULL || own == NULL
            ? -ENOENT
            : isolate_internal_cgroup_directory(mountinfo, own, v1_names[hierarchy], out, bytes, NULL, 0);
    free(mountinfo);
    free(own);
    return result;
}

int isolate_internal_cgroup_directory_of(pid_t pid, char *out, size_t bytes) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/cgroup", (int)pid);
    char *mountinfo = read_file("/proc/self/mountinfo"), *own = read_file(path);
    int result = mountinfo == NULL || own == NULL
                     ? -ENOENT
                     : isolate_internal_cgroup_directory(mountinfo, own, NULL, out, bytes, NULL, 0);
    free(mountinfo);
    free(own);
    return result;
}

int isolate_internal_cgroup_for_each_parent(void (*each)(const char *path, void *context), void *context) {
    struct cgroup_facts *facts = malloc(sizeof *facts);
    if (facts == NULL)
        return -ENOMEM;
    isolate_internal_cgroup_read_facts(facts);
    for (int h = 0; h < ISOLATE_CGROUP_COUNT; h++)
        if (facts->v1[h].path[0] != 0)
            each(facts->v1[h].path, context);
    for (unsigned i = 0; i < facts->level_count; i++)
        if (facts->levels[i].is_writable)
            each(facts->levels[i].path, context);
    free(facts);
    return 0;
}

int isolate_internal_cgroup_adopt(const isolate_cgroup_choice *choice) {
    char path[ISOLATE_CGROUP_PATH_BYTES + 80];
    if (mkdir(choice->home, 0755) != 0 && errno != EEXIST)
        return -errno;
    snprintf(path, sizeof path, "%s/cgroup.procs", choice->home);
    int CLEANUP_CLOSE fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd < 0 || write(fd, "0", 1) != 1 ? -errno : 0;
}
