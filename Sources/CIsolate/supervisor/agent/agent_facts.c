/*
 * Which layers an engine gave to the agent's container, found by inspection instead of taken from the
 * request.
 *
 * A layer counts only if a fact shows it that would differ without it. An engine may accept a request and not
 * fulfil it: Podman leaves containers in its own cgroup namespace on cgroup v1.
 */
#include "agent/agent_facts.h"

#include <asm/stat.h>
#include <asm/statfs.h>
#include <linux/magic.h>
#include <linux/stat.h>
#include <linux/utsname.h>

#include "agent/agent_ids.h"
#include "isolate_agent.h"
#include "sys.h"
#include "text.h"

static long read_text(const char *path, char *out, size_t bytes) {
    int CLEANUP_CLOSE file = sys_openat(AT_FDCWD, path, O_RDONLY, 0);
    out[0] = 0;
    return file < 0 ? file : text_read(file, out, bytes);
}

int agent_find_id(uint32_t seed, uint32_t *id) {
    char users[1024], groups[1024];
    long result = read_text("/proc/self/uid_map", users, sizeof users);
    if (result >= 0)
        result = read_text("/proc/self/gid_map", groups, sizeof groups);
    if (result < 0)
        return (int)result;
    *id = agent_choose_id(users, groups, seed);
    return *id == 0 ? -EINVAL : 0;
}

/* Whether the map differs from the one that gives every id its own number. */
static int has_mapped_users(void) {
    char map[1024];
    return read_text("/proc/self/uid_map", map, sizeof map) > 0 && !agent_covers_ids(map, 0, UINT32_MAX);
}

static uint64_t device_of(const char *path, struct stat *status) {
    return SYS_CALL_4(__NR_newfstatat, AT_FDCWD, path, status, AT_SYMLINK_NOFOLLOW) < 0
               ? 0
               : (uint64_t)status->st_dev;
}

/* Whether /work is a mount of its own, as the engine makes it. */
static int has_mounts(void) {
    struct stat root, ours;
    uint64_t device = device_of("/", &root);
    return device != 0 && device != device_of("/work", &ours) && device_of("/work", &ours) != 0;
}

static int has_root(const struct isolate_config *config) {
    struct statfs status;
    if (SYS_CALL_2(__NR_statfs, "/", &status) < 0)
        return 0;
    int is_read_only = (status.f_flags & SYS_ST_RDONLY) != 0;
    return is_read_only == !(config->features & ISOLATE_FEATURE_WRITABLE);
}

/* A file that an engine masks is missing, or is a device instead. */
static int has_masked_proc(void) {
    static const char *const masked[] = {"/proc/kcore", "/proc/keys", "/proc/timer_list"};
    struct stat status;
    for (unsigned i = 0; i < sizeof masked / sizeof masked[0]; i++)
        if (device_of(masked[i], &status) != 0 && !S_ISCHR(status.st_mode))
            return 0;
    return 1;
}

/* Whether there are no routes and no traffic but lo's: a host's would show here. */
static int has_own_network(void) {
    char text[8192];
    long length = read_text("/proc/net/route", text, sizeof text);
    int lines = 0;
    for (long i = 0; i < length; i++)
        lines += text[i] == '\n';
    if (lines > 1 || read_text("/proc/net/dev", text, sizeof text) <= 0)
        return 0;
    for (const char *line = text; *line != 0; line += *line == '\n') {
        while (*line == ' ')
            line++;
        int is_loopback = text_begins(line, "lo:");
        while (*line != ':' && *line != '\n' && *line != 0)
            line++;
        if (*line == ':' && !is_loopback && text_parse(line + 1) != 0)
            return 0;
        while (*line != '\n' && *line != 0)
            line++;
    }
    return 1;
}

static int has_own_name(void) {
    struct new_utsname name;
    return SYS_CALL_1(__NR_uname, &name) == 0 && text_equals(name.nodename, "sandbox");
}

/* A host's /dev/shm has another size than the one requested. */
static int has_own_shared_memory(void) {
    struct statfs status;
    return SYS_CALL_2(__NR_statfs, "/dev/shm", &status) == 0 &&
           (uint64_t)status.f_blocks * (uint64_t)status.f_bsize == ISOLATE_AGENT_SHARED_MEMORY;
}

/* Whether the line "number:controllers:path" names a cgroup with limits, which cannot be the root cgroup. */
static int is_limited(const char *line) {
    while (*line != ':' && *line != 0)
        line++;
    return text_begins(line, "::") || text_begins(line, ":memory:") || text_begins(line, ":pids:");
}

/* In a cgroup namespace of its own, a process sees its own cgroup as the root. */
static int has_cgroup_namespace(void) {
    char text[8192];
    int count = 0;
    if (read_text("/proc/self/cgroup", text, sizeof text) <= 0)
        return 0;
    for (const char *line = text; *line != 0; line += *line == '\n') {
        int is_relevant = is_limited(line);
        for (int colons = 0; colons < 2 && *line != '\n' && *line != 0; line++)
            colons += *line == ':';
        if (is_relevant && !text_begins(line, "/\n"))
            return 0;
        count += is_relevant;
        while (*line != '\n' && *line != 0)
            line++;
    }
    return count > 0;
}

/* A container's root consists of layers or a copy, never of the host's own files; its devices are the
 * engine's, in a tmpfs. */
static int has_own_devices(void) {
    struct statfs status;
    return SYS_CALL_2(__NR_statfs, "/dev", &status) == 0 && status.f_type == TMPFS_MAGIC;
}

uint32_t agent_layers(const struct isolate_config *config) {
    uint32_t layers = 0;
    layers |= has_mapped_users() ? ISOLATE_LAYER_USER_NS : 0;
    layers |= has_mounts() ? ISOLATE_LAYER_MOUNT_NS : 0;
    layers |= SYS_CALL_0(__NR_getpid) == 1 ? ISOLATE_LAYER_PID_NS : 0;
    layers |= has_own_network() ? ISOLATE_LAYER_NET_NS : 0;
    layers |= has_own_shared_memory() ? ISOLATE_LAYER_IPC_NS : 0;
    layers |= has_own_name() ? ISOLATE_LAYER_UTS_NS : 0;
    layers |= has_cgroup_namespace() ? ISOLATE_LAYER_CGROUP_NS : 0;
    layers |= has_root(config) ? ISOLATE_LAYER_ROOTFS : 0;
    if ((layers & ISOLATE_LAYER_ROOTFS) && has_own_devices())
        layers |= ISOLATE_LAYER_OWN_INODES;
    layers |= has_masked_proc() ? ISOLATE_LAYER_MASKED_PROC : 0;
    return layers;
}
