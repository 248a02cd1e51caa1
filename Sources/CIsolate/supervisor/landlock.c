/*
 * Landlock: a second opinion on the file system, beside the mounts.
 *
 * The program may read and execute everywhere in its root, and write below /work, /tmp, /dev and /proc, or in
 * all of a writable root; the mounts and the file modes say what is left of that. From ABI 4 TCP is refused,
 * from 6 signals and abstract sockets stop at the domain's border. It forbids later mounts, so it comes after
 * them.
 */
#include <linux/landlock.h>
#include <linux/prctl.h>

#include "supervisor.h"

#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif

enum { READ_ACCESS = 0x1 | 0x4 | 0x8 /* execute, read file, read directory */ };

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

static int allow(int rules, const char *path, uint64_t access) {
    int CLEANUP_CLOSE fd = sys_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
    if (fd < 0)
        return fd;
    struct landlock_path_beneath_attr rule = {access, fd};
    return (int)SYS_CALL_4(__NR_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

int landlock_restrict(const struct slot *slot) {
    uint32_t abi = slot->config->landlock_abi;
    if (abi == 0)
        return -EOPNOTSUPP;
    uint64_t all = all_fs_access(abi);
    struct rule_set set = {all, abi >= 4 ? 3 : 0, abi >= 6 ? 3 : 0};
    size_t bytes = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
    int CLEANUP_CLOSE rules = (int)SYS_CALL_3(__NR_landlock_create_ruleset, &set, bytes, 0);
    if (rules < 0)
        return rules;
    int result = allow(rules, "/", has_feature(slot, ISOLATE_FEATURE_WRITABLE) ? all : READ_ACCESS);
    static const char *const writable[] = {"/work", "/tmp", "/dev", "/proc"};
    for (unsigned i = 0; i < sizeof writable / sizeof writable[0] && result == 0; i++)
        result = allow(rules, writable[i], all);
    if (result == 0)
        result = (int)SYS_CALL_2(__NR_landlock_restrict_self, rules, 0);
    return result;
}
