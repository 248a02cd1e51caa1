/*
 * The caller's directories of the host, read-only below the program's root.
 *
 * Each is mounted through an overlay with an empty second layer: the same files and cached pages, but inodes
 * of the slot's own. Through the host's inodes a program could connect to a socket, write into a FIFO, hold
 * locks or watch who opens a file, though the mount is read-only. So there is no other way than the overlay:
 * a directory over which the kernel makes none is refused.
 *
 * The slot's root has no rights on the host, so an error here can only damage the slot.
 */
#include "tree/bind_mounts.h"

#include <asm/stat.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/stat.h>

#include "config.h"
#include "failure.h"
#include "slot_state.h"
#include "sys.h"
#include "text.h"
#include "tree/beneath.h"
#include "tree/cover.h"
#include "tree/entries.h"

enum { PATH_BYTES = 512, PART_BYTES = 256 };
/* In the slot's own root: where a tree is while it is covered, and the covers for writable roots. */
#define UNCOVERED "run/bind"
#define COVERS "covers"

static struct isolate_failure failed(long result, int step, uint32_t index) {
    return failure_at(ISOLATE_STAGE_BIND_MOUNT, result, step | (int)index);
}

void bind_mounts_begin(int trees[ISOLATE_BIND_MOUNT_MAX]) {
    for (int i = 0; i < ISOLATE_BIND_MOUNT_MAX; i++)
        trees[i] = -1;
}

/* As isolate_directory_birth. */
static uint64_t birth_of(int fd) {
    struct statx status;
    if (SYS_CALL_5(__NR_statx, fd, "", AT_EMPTY_PATH, STATX_BTIME, &status) < 0 ||
        !(status.stx_mask & STATX_BTIME))
        return 0;
    return (uint64_t)status.stx_btime.tv_sec * 1000000000 + status.stx_btime.tv_nsec;
}

/* Opens the tree of the directory that the client saw and checked. Follows no link, and returns -ESTALE where
 * another directory has its place now: what may be bound was decided for the first. */
static int open_source(const struct isolate_config *config, uint32_t index) {
    struct stat status;
    int CLEANUP_CLOSE fd = sys_openat2(AT_FDCWD, config_text(config, config->bind_mounts[index].source),
                                       O_PATH | O_DIRECTORY, 0, RESOLVE_NO_SYMLINKS);
    int result = fd < 0 ? fd : (int)SYS_CALL_2(__NR_fstat, fd, &status);
    if (result < 0)
        return result;
    if (status.st_dev != config->bind_mount_devices[index] ||
        status.st_ino != config->bind_mount_inodes[index] || birth_of(fd) != config->bind_mount_births[index])
        return -ESTALE;
    return (int)SYS_CALL_3(__NR_open_tree, fd, "",
                           OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
}

struct isolate_failure bind_mounts_open(const struct isolate_config *config,
                                        int trees[ISOLATE_BIND_MOUNT_MAX]) {
    for (uint32_t i = 0; i < config->bind_mount_count; i++) {
        if (trees[i] >= 0)
            continue;
        trees[i] = open_source(config, i);
        if (trees[i] < 0)
            return failed(trees[i], ISOLATE_DETAIL_BIND_MOUNT_SOURCE, i);
    }
    return failure_at(0, 0, 0);
}

void bind_mounts_close(int trees[ISOLATE_BIND_MOUNT_MAX]) {
    for (int i = 0; i < ISOLATE_BIND_MOUNT_MAX; i++)
        sys_close_fd(&trees[i]);
}

/* Opens the directory at this path of the root. Makes what is missing on the root's own file system, and
 * nothing in an image's directory. Follows no link, since an image's could lead out of the root. */
static int open_place(int root, const char *path) {
    const uint64_t beneath = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    int dir = beneath_open(root, ".", O_PATH | O_DIRECTORY, 0), is_own = 1;
    while (dir >= 0 && path[0] != 0) {
        char name[PART_BYTES];
        size_t n = 0;
        while (path[n] != 0 && path[n] != '/' && n + 1 < sizeof name) {
            name[n] = path[n];
            n++;
        }
        name[n] = 0;
        if (path[n] != 0 && path[n] != '/') {
            sys_close(dir);
            return -ENAMETOOLONG;
        }
        if (is_own)
            SYS_CALL_3(__NR_mkdirat, dir, name, 0755); /* the open below shows what is there */
        int next = beneath_open(dir, name, O_PATH | O_DIRECTORY, 0);
        is_own = is_own && next >= 0;
        if (next == -EXDEV)
            next = sys_openat2(dir, name, O_PATH | O_DIRECTORY, 0, beneath);
        sys_close(dir);
        dir = next;
        path += path[n] == 0 ? n : n + 1;
    }
    return dir;
}

static int path_of_cover(char out[PATH_BYTES], const char *prefix, uint32_t index) {
    char number[24];
    text_number(number, index);
    const char *parts[] = {prefix, COVERS "/", number, 0};
    return text_join(out, PATH_BYTES, parts);
}

static struct isolate_failure place(struct slot *slot, int root, const char *staging, uint32_t index) {
    const char *target = config_text(slot->config, slot->config->bind_mounts[index].target);
    char uncovered[PATH_BYTES], path[PATH_BYTES];
    const char *parts[] = {staging, "/" UNCOVERED, 0};
    int result = text_join(uncovered, sizeof uncovered, parts);
    if (result == 0 && has_feature(slot, ISOLATE_FEATURE_WRITABLE)) {
        result = path_of_cover(path, "", index);
        target = path;
    }
    int CLEANUP_CLOSE fd = result < 0 ? result : open_place(root, target);
    if (fd < 0)
        return failed(fd, ISOLATE_DETAIL_BIND_MOUNT_TARGET, index);
    result = (int)SYS_CALL_5(__NR_move_mount, slot->bind_mounts[index], "", root, UNCOVERED,
                             MOVE_MOUNT_F_EMPTY_PATH);
    if (result == 0) {
        result = cover_mount(uncovered, staging, target);
        /* The overlay has its own reference to the directory. */
        SYS_CALL_2(__NR_umount2, uncovered, SYS_MNT_DETACH | SYS_UMOUNT_NOFOLLOW);
    }
    return result < 0 ? failed(result, ISOLATE_DETAIL_BIND_MOUNT_COVER, index) : failure_at(0, 0, 0);
}

struct isolate_failure bind_mounts_place(struct slot *slot, int root, const char *staging) {
    struct isolate_failure failure = failure_at(0, 0, 0);
    uint32_t count = slot->config->bind_mount_count;
    if (count == 0)
        return failure;
    int result = entry_make_directory(root, UNCOVERED, 0700);
    if (result < 0)
        return failed(result, ISOLATE_DETAIL_BIND_MOUNT_TARGET, 0);
    for (uint32_t i = 0; i < count && failure.stage == 0; i++)
        failure = place(slot, root, staging, i);
    bind_mounts_close(slot->bind_mounts);
    result = (int)SYS_CALL_3(__NR_unlinkat, root, UNCOVERED, AT_REMOVEDIR);
    if (failure.stage == 0 && result < 0)
        failure = failed(result, ISOLATE_DETAIL_BIND_MOUNT_TARGET, 0);
    return failure;
}

struct isolate_failure bind_mounts_enter(const struct slot *slot, int root) {
    const struct isolate_config *config = slot->config;
    for (uint32_t i = 0; i < config->bind_mount_count; i++) {
        char path[PATH_BYTES];
        int result = path_of_cover(path, "/", i);
        int CLEANUP_CLOSE tree =
            result < 0 ? result
                       : (int)SYS_CALL_3(__NR_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | O_CLOEXEC);
        int CLEANUP_CLOSE fd = open_place(root, config_text(config, config->bind_mounts[i].target));
        result = tree < 0 ? tree : fd;
        if (result >= 0)
            result = (int)SYS_CALL_5(__NR_move_mount, tree, "", fd, "",
                                     MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
        if (result < 0)
            return failed(result, ISOLATE_DETAIL_BIND_MOUNT_TARGET, i);
    }
    return failure_at(0, 0, 0);
}
