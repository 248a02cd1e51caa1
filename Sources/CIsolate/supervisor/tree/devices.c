/*
 * The slot's /dev, with nodes of its own.
 *
 * Bound nodes of the host would be the host's inodes: a program could watch who opens /dev/null, take locks
 * on it, and set its times. Only the host's root can make nodes, so the supervisor fills a small tmpfs and
 * passes it on unmounted; the slot mounts it in its tree. Other supervisors bind the host's nodes read-only.
 */
#include "tree/devices.h"

#include <asm/stat.h>
#include <linux/mount.h>
#include <linux/stat.h>

#include "config.h"
#include "sys.h"
#include "text.h"

static int set_option(int context, const char *key, const char *value) {
    return (int)SYS_CALL_5(__NR_fsconfig, context, FSCONFIG_SET_STRING, key, value, 0);
}

/* Makes a node like the host's of this name; skips it where the host has no such device. */
static int make_node(int root, const char *source, const char *name) {
    struct stat status;
    long result = SYS_CALL_4(__NR_newfstatat, AT_FDCWD, source, &status, AT_SYMLINK_NOFOLLOW);
    if (result < 0 || !S_ISCHR(status.st_mode))
        return 0;
    /* Safe: null, zero, full, random, urandom and tty are accessible to every user on every host. */
    result = SYS_CALL_4(__NR_mknodat, root, name, S_IFCHR | 0666, status.st_rdev);
    if (result == 0) /* the umask removed some bits */
        result = SYS_CALL_3(__NR_fchmodat, root, name, 0666);
    return (int)result;
}

static int fill(const struct isolate_config *config, int root) {
    static const char *const directories[] = {"shm", "pts"};
    int result = 0;
    for (unsigned i = 0; i < 2 && result == 0; i++)
        result = (int)SYS_CALL_3(__NR_mkdirat, root, directories[i], 0755);
    for (uint32_t i = 0; i < config->bind_count && result == 0; i++) {
        const struct isolate_bind *bind = &config->binds[i];
        const char *target = config_text(config, bind->target), *source = config_text(config, bind->source);
        if (!text_begins(target, DEVICES_PREFIX))
            continue;
        target += sizeof DEVICES_PREFIX - 1;
        if (bind->kind == ISOLATE_BIND_DEVICE)
            result = make_node(root, source, target);
        else if (bind->kind == ISOLATE_BIND_LINK)
            result = (int)SYS_CALL_3(__NR_symlinkat, source, root, target);
    }
    return result;
}

int devices_create(const struct isolate_config *config) {
    int CLEANUP_CLOSE context = (int)SYS_CALL_2(__NR_fsopen, "tmpfs", FSOPEN_CLOEXEC);
    int result = context < 0 ? context : set_option(context, "mode", "0755");
    if (result == 0)
        result = set_option(context, "size", "64k");
    if (result == 0)
        result = set_option(context, "nr_inodes", "32");
    if (result == 0)
        result = (int)SYS_CALL_5(__NR_fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0);
    int root = result < 0 ? result
                          : (int)SYS_CALL_3(__NR_fsmount, context, FSMOUNT_CLOEXEC,
                                            MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
    if (root < 0)
        return root;
    result = fill(config, root);
    /* From here on no process can change a node's mode or times; writing to a device does not write to the
     * mount. */
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
    if (result == 0)
        result = (int)SYS_CALL_5(__NR_mount_setattr, root, "", AT_EMPTY_PATH, &attributes, sizeof attributes);
    if (result < 0)
        sys_close_fd(&root);
    return result < 0 ? result : root;
}
