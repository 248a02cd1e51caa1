/*
 * Landlock: a second opinion on the file system, beside the mounts.
 *
 * The program may read and execute everywhere in its root, and write below /work, /tmp, /dev and /proc, or in
 * all of a writable root; the mounts and the file modes say what is left of that. From ABI 4 TCP is refused,
 * from 6 signals and abstract sockets stop at the domain's border. It forbids later mounts, so it comes after
 * them.
 */
#include "tree/landlock.h"

#include <linux/landlock.h>

#include "config.h"
#include "slot_state.h"
#include "sys.h"

#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif

enum {
    WRITE_FILE = 0x2,
    READ_FILE = 0x4,
    READ_ACCESS = 0x1 | 0x4 | 0x8 /* execute, read file, read directory */
};

/* The kernel's current structure; older kernels are told a smaller size. */
struct rule_set {
    uint64_t handled_fs, handled_net, scoped;
};

static uint64_t all_fs_access(uint32_t abi) {
    uint64_t access = (1ull << 13) - 1;
    if (abi >= 2)
        access |= 1ull << 13; /* refer */
    if (abi >= 3)
        access |= 1ull << 14; /* truncate */
    if (abi >= 5)
        access |= 1ull << 15; /* ioctl on devices */
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

/* A file that is not there needs no rule. */
static int allow_file(int rules, const char *path, uint64_t access) {
    int CLEANUP_CLOSE fd = sys_openat(AT_FDCWD, path, O_PATH, 0);
    return fd == -ENOENT ? 0 : fd < 0 ? fd : allow_below(rules, fd, access);
}

/* The whole tree: read-only, but for the places that the mounts leave writable. */
static int allow_own_tree(const struct slot *slot, int rules, uint64_t all) {
    int result = allow(rules, "/", has_feature(slot, ISOLATE_FEATURE_WRITABLE) ? all : READ_ACCESS);
    static const char *const writable[] = {"/work", "/tmp", "/dev", "/proc"};
    for (unsigned i = 0; i < sizeof writable / sizeof writable[0] && result == 0; i++)
        result = allow(rules, writable[i], all);
    return result;
}

/* Level minimal, in the host's own tree: what a root of its own would hold, and nothing else of the host. */
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
            result = allow_file(rules, path, READ_FILE);
        else if (config->binds[i].kind == ISOLATE_BIND_DEVICE)
            result = allow_file(rules, path, READ_FILE | WRITE_FILE);
    }
    for (unsigned i = 0; i < sizeof files / sizeof files[0] && result == 0; i++)
        result = allow_file(rules, files[i], READ_FILE);
    return result;
}

int landlock_restrict(const struct slot *slot) {
    uint32_t abi = slot->config->landlock_abi;
    if (abi == 0)
        return -EOPNOTSUPP;
    uint64_t all = all_fs_access(abi);
    /* Where TCP is allowed, the network namespace is what keeps it inside. */
    int refuses_tcp = abi >= 4 && slot->config->network != ISOLATE_NETWORK_LOOPBACK;
    struct rule_set set = {all, refuses_tcp ? 3 : 0, abi >= 6 ? 3 : 0};
    size_t bytes = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
    int CLEANUP_CLOSE rules = (int)SYS_CALL_3(__NR_landlock_create_ruleset, &set, bytes, 0);
    if (rules < 0)
        return rules;
    int result = has_own_tree(slot) ? allow_own_tree(slot, rules, all) : allow_host_tree(slot, rules, all);
    if (result == 0)
        result = (int)SYS_CALL_2(__NR_landlock_restrict_self, rules, 0);
    return result;
}
