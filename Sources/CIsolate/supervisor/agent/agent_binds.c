/*
 * Directories of the engine's host in the agent's container.
 *
 * The engine binds them with the host's inodes, and the agent may not mount an overlay over them. A read-only
 * mount does not keep a program from connecting to a socket, or from writing into a FIFO. So a directory that
 * has such a file, or another mount, below it is refused. What the host makes there later remains: every
 * report of such a container names that hole.
 */
#include "agent/agent_binds.h"

#include <asm/stat.h>
#include <asm/statfs.h>
#include <linux/openat2.h>
#include <linux/stat.h>

#include "config.h"
#include "failure.h"
#include "sys.h"
#include "tree/beneath.h"

/* DT_REG and its like of readdir(3). */
enum { TYPE_UNKNOWN = 0, TYPE_DIRECTORY = 4, TYPE_REGULAR = 8, TYPE_LINK = 10 };
enum { DEPTH_MAX = 128, ENTRIES_MAX = 1 << 20, SEARCHED_BY_OTHERS = 0011 };

/* The directories on the path to the current one; each has its own descriptor, so that nothing is looked up
 * twice. */
struct walk {
    int depth;
    unsigned entries;
    struct sys_entries listings[DEPTH_MAX];
};
static struct walk walk;

/* Opens a directory: the caller's own by its path, one in it without leaving its mount. */
static int open_directory(int dir, const char *name, int flags) {
    return dir == AT_FDCWD ? sys_openat2(dir, name, flags | O_DIRECTORY, 0, RESOLVE_NO_SYMLINKS)
                           : beneath_open(dir, name, flags | O_DIRECTORY, 0);
}

/* A directory that the agent may not list is closed to programs, too, unless they can pass through it. */
static int is_closed(const struct isolate_config *config, int dir, const char *name) {
    struct stat status;
    int CLEANUP_CLOSE below = open_directory(dir, name, O_PATH);
    return below >= 0 && SYS_CALL_2(__NR_fstat, below, &status) == 0 &&
           (status.st_mode & SEARCHED_BY_OTHERS) == 0 && status.st_uid != config->program_uid;
}

static int enter(const struct isolate_config *config, int dir, const char *name) {
    int below = open_directory(dir, name, O_RDONLY);
    if (below == -EACCES && is_closed(config, dir, name))
        return 0;
    if (below < 0)
        return below;
    if (walk.depth == DEPTH_MAX) {
        sys_close(below);
        return -ELOOP;
    }
    sys_begin_entries(&walk.listings[walk.depth++], below);
    return 0;
}

/* Its type, or -errno. */
static int type_of(int dir, const struct sys_entry *entry) {
    struct stat status;
    if (entry->type != TYPE_UNKNOWN)
        return entry->type;
    int result = (int)SYS_CALL_4(__NR_newfstatat, dir, entry->name, &status, AT_SYMLINK_NOFOLLOW);
    if (result < 0)
        return result == -ENOENT ? TYPE_REGULAR : result; /* regular: it is gone */
    return S_ISDIR(status.st_mode)   ? TYPE_DIRECTORY
           : S_ISREG(status.st_mode) ? TYPE_REGULAR
           : S_ISLNK(status.st_mode) ? TYPE_LINK
                                     : TYPE_UNKNOWN;
}

/* 0, or -EOPNOTSUPP for a socket, FIFO or device, -EXDEV for a mount, -E2BIG for more than the walk's bounds.
 */
static int look_through(const struct isolate_config *config, const char *path) {
    int result = enter(config, AT_FDCWD, path);
    while (result == 0 && walk.depth > 0) {
        struct sys_entries *listing = &walk.listings[walk.depth - 1];
        const struct sys_entry *entry = sys_next_entry(listing);
        if (entry == 0) {
            result = listing->result == -ENOENT ? 0 : listing->result; /* ENOENT: removed meanwhile */
            sys_close(listing->dir);
            walk.depth--;
            continue;
        }
        int type = ++walk.entries > ENTRIES_MAX ? -E2BIG : type_of(listing->dir, entry);
        if (type == TYPE_DIRECTORY)
            result = enter(config, listing->dir, entry->name);
        else if (type < 0)
            result = type;
        else if (type != TYPE_REGULAR && type != TYPE_LINK)
            result = -EOPNOTSUPP;
        if (result == -ENOENT)
            result = 0; /* removed meanwhile */
    }
    while (walk.depth > 0)
        sys_close(walk.listings[--walk.depth].dir);
    return result;
}

/* Whether the mount is as it was requested. 0 or -errno. */
static int check_mount(const char *path) {
    static const unsigned magics[] = ISOLATE_KERNEL_FILE_SYSTEMS;
    struct statfs status;
    int result = (int)SYS_CALL_2(__NR_statfs, path, &status);
    if (result < 0)
        return result;
    for (unsigned i = 0; i < sizeof magics / sizeof magics[0]; i++)
        if ((unsigned)status.f_type == magics[i])
            return -EPERM;
    return status.f_flags & SYS_ST_RDONLY ? 0 : -EROFS;
}

struct isolate_failure agent_check_binds(const struct isolate_config *config) {
    for (uint32_t i = 0; i < config->bind_mount_count; i++) {
        const char *path = config_text(config, config->bind_mounts[i].target);
        int result = check_mount(path);
        if (result < 0)
            return failure_at(
                ISOLATE_STAGE_BIND_MOUNT, result,
                (result == -EPERM ? ISOLATE_DETAIL_BIND_MOUNT_REQUEST : ISOLATE_DETAIL_BIND_MOUNT_SOURCE) |
                    (int)i);
        walk.entries = 0;
        result = look_through(config, path);
        if (result < 0)
            return failure_at(ISOLATE_STAGE_BIND_MOUNT, result, ISOLATE_DETAIL_BIND_MOUNT_CONTENT | (int)i);
    }
    return failure_at(0, 0, 0);
}
