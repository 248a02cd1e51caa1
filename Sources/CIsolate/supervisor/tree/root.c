/*
 * The slot's mount tree: a small root of its own, without any of the host's other mounts.
 *
 * The slot's own root builds it once per slot, in the slot's mount namespace. That user has no rights on the
 * host, so an error here can only damage the slot. Cells clone the finished tree.
 */
#include "tree/root.h"

#include <asm/stat.h>
#include <linux/mount.h>

#include "config.h"
#include "failure.h"
#include "own_mounts.h"
#include "slot_state.h"
#include "sys.h"
#include "text.h"
#include "tree/bind_mounts.h"
#include "tree/cover.h"
#include "tree/devices.h"
#include "tree/entries.h"
#include "tree/overlay.h"

enum { PATH_BYTES = 512, SOURCE_BYTES = 4096, COPIED_MOST = 4 << 20 };
#define STAGING "/tmp"
/* Below a directory that the sandbox makes itself in every image, so no name of an image's collides. */
#define IMAGE_MOUNT "run/image"

/* 16 kept files, at most, and the places of the other mounts. */
#define OWN_OPTIONS "mode=0711,size=64m,nr_inodes=32"

/* Mounts a file over one of the image's, since the image's directory is read-only. The mount keeps the file
 * after its name is removed. */
static int lay_over(int root, const struct isolate_config *config, const struct isolate_file *file) {
    const char *target = config_text(config, file->path);
    const char *parts[] = {"run/", target + sizeof "etc/" - 1, 0};
    char path[PATH_BYTES];
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV |
                                                MOUNT_ATTR_NOEXEC};
    int result = text_join(path, sizeof path, parts);
    if (result == 0)
        result = entry_make_file(root, path, config, file);
    int CLEANUP_CLOSE tree =
        result < 0 ? result : (int)SYS_CALL_3(__NR_open_tree, root, path, OPEN_TREE_CLONE | O_CLOEXEC);
    result = tree;
    if (result >= 0)
        result = (int)SYS_CALL_5(__NR_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes);
    if (result >= 0)
        result = (int)SYS_CALL_5(__NR_move_mount, tree, "", root, target, MOVE_MOUNT_F_EMPTY_PATH);
    if (result >= 0)
        result = (int)SYS_CALL_3(__NR_unlinkat, root, path, 0);
    return result < 0 ? result : 0;
}

/* Binds a file or directory of the host, with the host's inodes. */
static int bind_as_it_is(struct slot *slot, int root, uint32_t index, const char *source, int is_lower) {
    const struct isolate_bind *bind = &slot->config->binds[index];
    const char *target = config_text(slot->config, bind->target);
    int recursive = bind->kind == ISOLATE_BIND_TREE ? AT_RECURSIVE : 0;
    /* NOFOLLOW: the entry was a file or directory when the client looked; a link that replaced it could lead
     * out of the image. */
    int CLEANUP_CLOSE tree = (int)SYS_CALL_3(__NR_open_tree, AT_FDCWD, source,
                                             OPEN_TREE_CLONE | O_CLOEXEC | AT_SYMLINK_NOFOLLOW | recursive);
    int result = tree;
    if (result >= 0 && !is_lower && recursive)
        result = entry_make_directory(root, target, 0755);
    if (result >= 0 && !is_lower && !recursive) {
        int CLEANUP_CLOSE fd = entry_make_empty_file(root, target);
        result = fd;
    }
    /* Read-only, and without effect of the host's set-user-id bits and devices. For a device, this protects
     * its mode and times; writing to it does not write to the mount. */
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV};
    if (bind->kind == ISOLATE_BIND_DEVICE)
        attributes.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC;
    if (result >= 0)
        result = (int)SYS_CALL_5(__NR_mount_setattr, tree, "", AT_EMPTY_PATH | recursive, &attributes,
                                 sizeof attributes);
    if (result >= 0 && is_lower)
        result = overlay_add_lower(root, index, tree, recursive != 0);
    else if (result >= 0)
        result = (int)SYS_CALL_5(__NR_move_mount, tree, "", root, target, MOVE_MOUNT_F_EMPTY_PATH);
    if (!is_lower)
        slot->shares_inodes = 1;
    return result < 0 ? result : 0;
}

static uint64_t file_size(const char *path) {
    struct stat status = {0};
    return SYS_CALL_4(__NR_newfstatat, AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW) < 0
               ? 0
               : (uint64_t)status.st_size;
}

static int add_bind(struct slot *slot, int root, uint32_t index) {
    const struct isolate_config *config = slot->config;
    const struct isolate_bind *bind = &config->binds[index];
    const char *source = config_text(config, bind->source), *target = config_text(config, bind->target);
    int is_lower = has_feature(slot, ISOLATE_FEATURE_WRITABLE) && bind->kind != ISOLATE_BIND_DEVICE;
    if (slot->has_devices && text_begins(target, DEVICES_PREFIX))
        return 0; /* the slot's own /dev has it */
    if (bind->kind == ISOLATE_BIND_LINK)
        return is_lower ? 0 : entry_make_link(root, source, target);
    if (bind->kind == ISOLATE_BIND_EMPTY)
        return is_lower ? 0 : entry_make_directory(root, target, 0755);
    char path[SOURCE_BYTES];
    if (config->image_root != 0 && bind->kind != ISOLATE_BIND_DEVICE) {
        const char *parts[] = {STAGING "/" IMAGE_MOUNT "/", source, 0};
        int result = text_join(path, sizeof path, parts);
        if (result < 0)
            return result;
        source = path;
    }
    if (!is_lower && bind->kind == ISOLATE_BIND_FILE && file_size(source) <= COPIED_MOST)
        return entry_make_copy(root, target, source);
    if (!is_lower && bind->kind == ISOLATE_BIND_TREE && entry_make_directory(root, target, 0755) == 0 &&
        cover_mount(source, STAGING, target) == 0)
        return 0;
    return bind_as_it_is(slot, root, index, source, is_lower);
}

/* Pseudo-terminals from an instance of devpts of this slot's own. Where the host refuses it, programs have no
 * terminals. */
static void add_terminals(int root, int has_devices) {
    if (!has_devices && (entry_make_directory(root, "dev/pts", 0755) < 0))
        return;
    sys_mount("devpts", STAGING "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
              "newinstance,ptmxmode=0666,mode=0620,max=16");
}

static struct isolate_failure fill_root(struct slot *slot, int root) {
    const struct isolate_config *config = slot->config;
    /* For a writable root this is only a frame: it holds the layers and the places from which the cell's tree
     * is made. */
    static const char *const directories[] = {"etc", "dev",  "dev/shm", "proc",  "run",
                                              "tmp", "work", "lower",   "empty", "sys"};
    for (unsigned i = 0; i < sizeof directories / sizeof directories[0]; i++) {
        if (i >= 7 && !has_feature(slot, ISOLATE_FEATURE_WRITABLE))
            break;
        int result = entry_make_directory(root, directories[i], 0755);
        if (result < 0)
            return failure_at(ISOLATE_STAGE_MOUNT_ROOT, result,
                              ISOLATE_DETAIL_MOUNT_ROOT_DIRECTORIES + (int)i);
    }
    slot->has_devices = slot->devices >= 0;
    if (slot->has_devices) {
        int result =
            (int)SYS_CALL_5(__NR_move_mount, slot->devices, "", root, "dev", MOVE_MOUNT_F_EMPTY_PATH);
        if (result < 0)
            return failure_at(ISOLATE_STAGE_DEV, result, ISOLATE_DETAIL_DEV_TMPFS);
        sys_close_fd(&slot->devices);
    }
    if (slot->image >= 0) { /* mounted while its parts are bound */
        int result = entry_make_directory(root, IMAGE_MOUNT, 0755);
        if (result == 0)
            result =
                (int)SYS_CALL_5(__NR_move_mount, slot->image, "", root, IMAGE_MOUNT, MOVE_MOUNT_F_EMPTY_PATH);
        if (result < 0)
            return failure_at(ISOLATE_STAGE_BIND, result, ISOLATE_DETAIL_BIND_PLACE_IMAGE);
    }
    for (uint32_t i = 0; i < config->bind_count; i++) {
        int result = add_bind(slot, root, i);
        if (result < 0)
            return failure_at(config->binds[i].kind == ISOLATE_BIND_DEVICE ? ISOLATE_STAGE_DEV
                                                                           : ISOLATE_STAGE_BIND,
                              result, (int)i);
    }
    add_terminals(root, slot->has_devices);
    for (uint32_t i = 0; i < config->file_count && !has_feature(slot, ISOLATE_FEATURE_WRITABLE); i++) {
        int result = config->files[i].is_over
                         ? lay_over(root, config, &config->files[i])
                         : entry_make_file(root, config_text(config, config->files[i].path), config,
                                           &config->files[i]);
        if (result < 0)
            return failure_at(ISOLATE_STAGE_ETC, result, (int)i);
    }
    struct isolate_failure failure = bind_mounts_place(slot, root, STAGING);
    if (failure.stage != 0)
        return failure;
    if (slot->image >= 0) {
        long result = SYS_CALL_2(__NR_umount2, STAGING "/" IMAGE_MOUNT, SYS_MNT_DETACH | SYS_UMOUNT_NOFOLLOW);
        if (result == 0)
            result = SYS_CALL_3(__NR_unlinkat, root, IMAGE_MOUNT, AT_REMOVEDIR);
        if (result < 0)
            return failure_at(ISOLATE_STAGE_BIND, result, ISOLATE_DETAIL_BIND_REMOVE_IMAGE);
        sys_close_fd(&slot->image);
    }
    return failure_at(0, 0, 0);
}

/* The slot's own mounts, which no program sees: all are below one mount, so that init takes them out of a
 * cell's tree with one call. Each unmounting makes the kernel wait for its other processors. */
static struct isolate_failure add_own_mounts(int has_proc) {
    static const struct {
        const char *path;
        int mode;
    } parts[] = {{STAGING OWN_KEPT, 0700}, {STAGING OWN_SCRATCH, 0755}, {STAGING OWN_PROC, 0755}};
    /* Search permission for the program's user, with whose rights the slot makes files below. */
    long result = sys_mount("kept", STAGING OWN_MOUNTS, "tmpfs", MS_NOSUID | MS_NODEV, OWN_OPTIONS);
    for (unsigned i = 0; i < sizeof parts / sizeof parts[0] && result == 0; i++)
        result = SYS_CALL_3(__NR_mkdirat, AT_FDCWD, parts[i].path, parts[i].mode);
    if (result < 0)
        return failure_at(ISOLATE_STAGE_MOUNT_ROOT, result, ISOLATE_DETAIL_MOUNT_ROOT_TMPFS);
    if (has_proc)
        result = sys_mount("proc", STAGING OWN_PROC, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0);
    return failure_at(result < 0 ? ISOLATE_STAGE_MOUNT_PROC : 0, result, ISOLATE_DETAIL_MOUNT_PROC_MOUNT);
}

/* Makes the new tree the root and unmounts the old one: after this no path leads to the host's files. */
static long enter_root(void) {
    long result = SYS_CALL_1(__NR_chdir, STAGING);
    if (result == 0)
        result = SYS_CALL_2(__NR_pivot_root, ".", ".");
    if (result == 0) /* pivot_root(".", ".") left the old root on top of the new one */
        result = SYS_CALL_2(__NR_umount2, ".", SYS_MNT_DETACH);
    if (result == 0)
        result = SYS_CALL_1(__NR_chdir, "/");
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
    if (result == 0)
        result = SYS_CALL_5(__NR_mount_setattr, AT_FDCWD, "/", 0, &attributes, sizeof attributes);
    return result;
}

struct isolate_failure root_build(struct slot *slot) {
    /* No mount made here may propagate to the host's tree, or the other way round. */
    long result = sys_mount(0, "/", 0, MS_REC | MS_PRIVATE, 0);
    const char *image = config_text(slot->config, slot->config->image_root);
    if (result == 0 && slot->config->image_root != 0 && slot->image < 0) {
        /* Before the slot's own tree covers the place where the image may be. */
        slot->image =
            (int)SYS_CALL_3(__NR_open_tree, AT_FDCWD, image, OPEN_TREE_CLONE | O_CLOEXEC | AT_RECURSIVE);
        if (slot->image < 0)
            return failure_at(ISOLATE_STAGE_BIND, slot->image, ISOLATE_DETAIL_BIND_OPEN_IMAGE);
    }
    /* Like the image, before the slot's own tree covers /tmp, below which they may be. */
    struct isolate_failure failure = bind_mounts_open(slot->config, slot->bind_mounts);
    if (result == 0 && failure.stage != 0)
        return failure;
    if (result == 0)
        result =
            sys_mount("sandbox", STAGING, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=32m,nr_inodes=1024");
    int CLEANUP_CLOSE root =
        result < 0 ? (int)result : sys_openat(AT_FDCWD, STAGING, O_PATH | O_DIRECTORY, 0);
    if (root < 0)
        return failure_at(ISOLATE_STAGE_MOUNT_ROOT, root, ISOLATE_DETAIL_MOUNT_ROOT_TMPFS);
    failure = fill_root(slot, root);
    if (failure.stage != 0)
        return failure;
    int has_proc = has_feature(slot, ISOLATE_FEATURE_PROC);
    if (!has_proc) /* the outer proc, for the slot only: it is in no tree */
        slot->proc = sys_openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY, 0);
    failure = add_own_mounts(has_proc);
    if (failure.stage != 0)
        return failure;
    result = enter_root();
    if (result < 0)
        return failure_at(ISOLATE_STAGE_PIVOT, result, ISOLATE_DETAIL_PIVOT_SLOT);
    if (has_proc) {
        slot->proc = sys_openat(AT_FDCWD, OWN_PROC, O_PATH | O_DIRECTORY, 0);
        own_proc_is_mounted();
    }
    return failure_at(slot->proc < 0 ? ISOLATE_STAGE_MOUNT_PROC : 0, slot->proc,
                      ISOLATE_DETAIL_MOUNT_PROC_OPEN);
}
