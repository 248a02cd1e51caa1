/*
 * Landlock: a second, independent restriction of the file system, besides the mounts.
 *
 * The program may read and execute everywhere in its root, and write below /work, /tmp, /dev and /proc, or in
 * all of a writable root; the mounts and the file modes restrict that further. From ABI 4 it refuses TCP,
 * from ABI 6 signals and abstract sockets that leave the domain. It forbids later mounts, so it comes after
 * them.
 */
#include "tree/landlock.h"

#include <linux/landlock.h>

#include "config.h"
#include "slot_state.h"
#include "sys.h"

/* For older headers. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif
#ifndef LANDLOCK_ACCESS_NET_BIND_TCP
#define LANDLOCK_ACCESS_NET_BIND_TCP (1ULL << 0)
#define LANDLOCK_ACCESS_NET_CONNECT_TCP (1ULL << 1)
#endif
#ifndef LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define LANDLOCK_SCOPE_SIGNAL (1ULL << 1)
#endif

/* All rights of the first ABI: from executing a file to making a symbolic link. */
#define ACCESS_OF_FIRST_ABI ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)
/* The ABIs that added the others. */
enum { ABI_REFER = 2, ABI_TRUNCATE = 3, ABI_TCP = 4, ABI_IOCTL_DEV = 5, ABI_SCOPES = 6 };

#define READ_ACCESS (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define DEVICE_ACCESS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)

/* The kernel's current structure; older kernels get a smaller size. */
struct rule_set {
    uint64_t handled_fs, handled_net, scoped;
};

static uint64_t all_fs_access(uint32_t abi) {
    uint64_t access = ACCESS_OF_FIRST_ABI;
    if (abi >= ABI_REFER)
        access |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= ABI_TRUNCATE)
        access |= LANDLOCK_ACCESS_FS_TRUNCATE;
    if (abi >= ABI_IOCTL_DEV)
        access |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
    return access;
}

static int allow_below(int rules, int fd, uint64_t access) {
    struct landlock_path_beneath_attr rule = {access, fd};
    return (int)SYS_CALL_4(__NR_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

static int allow(int rules, const char *path, uint64_t access) {
    int CLEANUP_CLOSE fd = sys_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
    return fd < 0 ? fd : allow_below(rules, fd, access);
}

/* A missing file needs no rule. */
static int allow_file(int rules, const char *path, uint64_t access) {
    int CLEANUP_CLOSE fd = sys_openat(AT_FDCWD, path, O_PATH, 0);
    return fd == -ENOENT ? 0 : fd < 0 ? fd : allow_below(rules, fd, access);
}

/* The whole tree is readable; the places that the mounts leave writable are writable. */
static int allow_own_tree(const struct slot *slot, int rules, uint64_t all) {
    int result = allow(rules, "/", has_feature(slot, ISOLATE_FEATURE_WRITABLE) ? all : READ_ACCESS);
    static const char *const writable[] = {"/work", "/tmp", "/dev", "/proc"};
    for (unsigned i = 0; i < sizeof writable / sizeof writable[0] && result == 0; i++)
        result = allow(rules, writable[i], all);
    return result;
}

/* Level minimal, in the host's own tree: only what a root of the sandbox's own would contain. */
static int allow_host_tree(const struct slot *slot, int rules, uint64_t all) {
    const struct isolate_config *config = slot->config;
    static const char *const files[] = {
        "/etc/passwd",   "/etc/group", "/etc/nsswitch.conf", "/etc/hosts",   "/proc/cpuinfo",
        "/proc/meminfo", "/proc/stat", "/proc/loadavg",      "/proc/uptime", "/proc/version"};
    int result = allow_below(rules, slot->work, all);
    if (result == 0)
        result = allow_below(rules, slot->plain.tmp, all);
    for (uint32_t i = 0; i < config->bind_count && result == 0; i++) {
        const char *path = config_text(config, config->binds[i].source);
        if (config->binds[i].kind == ISOLATE_BIND_TREE)
            result = allow(rules, path, READ_ACCESS);
        else if (config->binds[i].kind == ISOLATE_BIND_FILE)
            result = allow_file(rules, path, LANDLOCK_ACCESS_FS_READ_FILE);
        else if (config->binds[i].kind == ISOLATE_BIND_DEVICE)
            result = allow_file(rules, path, DEVICE_ACCESS);
    }
    for (unsigned i = 0; i < sizeof files / sizeof files[0] && result == 0; i++)
        result = allow_file(rules, files[i], LANDLOCK_ACCESS_FS_READ_FILE);
    return result;
}

int landlock_restrict(const struct slot *slot) {
    uint32_t abi = slot->config->landlock_abi;
    if (abi == 0)
        return -EOPNOTSUPP;
    uint64_t all = all_fs_access(abi);
    /* Where TCP is allowed, only the network namespace confines it. */
    int refuses_tcp = abi >= ABI_TCP && slot->config->network != ISOLATE_NETWORK_LOOPBACK;
    struct rule_set set = {
        .handled_fs = all,
        .handled_net = refuses_tcp ? LANDLOCK_ACCESS_NET_BIND_TCP | LANDLOCK_ACCESS_NET_CONNECT_TCP : 0,
        .scoped = abi >= ABI_SCOPES ? LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL : 0};
    size_t bytes = abi >= ABI_SCOPES ? sizeof set
                   : abi >= ABI_TCP  ? offsetof(struct rule_set, scoped)
                                     : offsetof(struct rule_set, handled_net);
    int CLEANUP_CLOSE rules = (int)SYS_CALL_3(__NR_landlock_create_ruleset, &set, bytes, 0);
    if (rules < 0)
        return rules;
    int result = has_own_tree(slot) ? allow_own_tree(slot, rules, all) : allow_host_tree(slot, rules, all);
    if (result == 0)
        result = (int)SYS_CALL_2(__NR_landlock_restrict_self, rules, 0);
    return result;
}
