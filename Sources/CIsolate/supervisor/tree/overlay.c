/*
 * The writable root: a sandbox's own tree in its scratch tmpfs, with an overlay over every directory of the
 * image.
 *
 * It is in the scratch tmpfs, in the slot's tree: small entries are copied or newly made; each directory tree
 * of the image is the lower layer of an overlay whose upper layer is in the same tmpfs. So one quota bounds
 * all of it, and unmounting the tmpfs removes all of it. The program is uid 0 of its user namespace, without
 * capabilities, and owns the files that it sees.
 *
 * An ordinary user's slot mounts the overlays itself (userxattr), and the image's files must belong to that
 * user. Root's files belong to root, and only the host's root may give them another owner for one mount (an
 * idmapped lower layer) and use the trusted attributes that deletions in overlays need. So there the
 * supervisor sends a short-lived child into the slot's mount namespace, before any program has run in that
 * tree.
 */
#include "tree/overlay.h"

#include <asm/stat.h>
#include <linux/mount.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/securebits.h>

#include "config.h"
#include "failure.h"
#include "own_mounts.h"
#include "slot_state.h"
#include "sys.h"
#include "text.h"
#include "tree/bind_mounts.h"
#include "tree/entries.h"

enum { PATH_BYTES = 512, MODE_BITS = 01777 };

static int path_of(char *out, const char *directory, uint32_t index) {
    char number[24];
    text_number(number, index);
    const char *parts[] = {directory, number, 0};
    return text_join(out, PATH_BYTES, parts);
}

/* Slot: adds a lower layer, or a file to copy, as a read-only bind below /lower. */
int overlay_add_lower(int root, uint32_t index, int tree, int is_directory) {
    char path[PATH_BYTES];
    int result = path_of(path, "lower/", index);
    if (result == 0 && is_directory)
        result = (int)SYS_CALL_3(__NR_mkdirat, root, path, 0755);
    else if (result == 0) {
        int CLEANUP_CLOSE fd = sys_openat(root, path, O_WRONLY | O_CREAT | O_EXCL, 0644);
        result = fd < 0 ? fd : 0;
    }
    if (result == 0)
        result = (int)SYS_CALL_5(__NR_move_mount, tree, "", root, path, MOVE_MOUNT_F_EMPTY_PATH);
    return result;
}

/* Makes the directories for one overlay. The merged root has the upper one's mode and owner. */
static int make_layers(int root, const char *target, uint32_t index) {
    char path[PATH_BYTES];
    struct stat status;
    int result = path_of(path, "/lower/", index);
    if (result == 0)
        result = (int)SYS_CALL_4(__NR_newfstatat, AT_FDCWD, path, &status, 0);
    if (result == 0)
        result = path_of(path, OWN_SCRATCH "/upper/", index);
    if (result == 0)
        result = (int)SYS_CALL_3(__NR_mkdirat, AT_FDCWD, path, 0755);
    if (result == 0)
        result = (int)SYS_CALL_3(__NR_fchmodat, AT_FDCWD, path, status.st_mode & MODE_BITS);
    if (result == 0)
        result = path_of(path, OWN_SCRATCH "/overlay/", index);
    if (result == 0)
        result = (int)SYS_CALL_3(__NR_mkdirat, AT_FDCWD, path, 0700);
    return result < 0 ? result : entry_make_directory(root, target, 0755);
}

static struct isolate_failure populate(struct slot *slot, int root) {
    const struct isolate_config *config = slot->config;
    static const char *const directories[] = {"etc", "dev", "dev/shm", "dev/pts", "proc",
                                              "run", "sys", "tmp",     "work"};
    char path[PATH_BYTES], source[PATH_BYTES];
    int result = 0;
    for (unsigned i = 0; i < sizeof directories / sizeof directories[0] && result == 0; i++)
        result = entry_make_directory(root, directories[i], 0755);
    if (result < 0)
        return failure_at(ISOLATE_STAGE_SCRATCH, result, ISOLATE_DETAIL_SCRATCH_ROOT_DIRECTORIES);
    for (uint32_t i = 0; i < config->bind_count; i++) {
        const struct isolate_bind *bind = &config->binds[i];
        const char *target = config_text(config, bind->target);
        const char *parts[] = {OWN_SCRATCH "/root/", target, 0};
        result = path_of(source, "/lower/", i);
        switch (bind->kind) {
        case ISOLATE_BIND_LINK:
            result = entry_make_link(root, config_text(config, bind->source), target);
            break;
        case ISOLATE_BIND_EMPTY:
            result = entry_make_directory(root, target, 0755);
            break;
        case ISOLATE_BIND_TREE:
            result = make_layers(root, target, i);
            break;
        case ISOLATE_BIND_FILE:
            result = entry_make_copy(root, target, source);
            break;
        case ISOLATE_BIND_DEVICE: {
            int CLEANUP_CLOSE fd = entry_make_empty_file(root, target);
            result = fd < 0 ? fd : text_join(path, sizeof path, parts);
            if (result == 0) /* from the slot's own /dev, with that mount's flags */
                result = (int)sys_mount(path + sizeof OWN_SCRATCH "/root" - 1, path, 0, MS_BIND, 0);
            break;
        }
        default:
            result = -EINVAL;
        }
        if (result < 0)
            return failure_at(ISOLATE_STAGE_OVERLAY, result, (int)i);
    }
    /* From the slot's, if it has one. */
    sys_mount("/dev/pts", OWN_SCRATCH "/root/dev/pts", 0, MS_BIND, 0);
    for (uint32_t i = 0; i < config->file_count; i++) {
        result = entry_make_file(root, config_text(config, config->files[i].path), config, &config->files[i]);
        if (result < 0)
            return failure_at(ISOLATE_STAGE_ETC, result, (int)i);
    }
    return failure_at(0, 0, 0);
}

static struct isolate_failure mount_overlays(const struct isolate_config *config, const char *option) {
    char options[PATH_BYTES], target[PATH_BYTES], number[24];
    for (uint32_t i = 0; i < config->bind_count; i++) {
        if (config->binds[i].kind != ISOLATE_BIND_TREE)
            continue;
        text_number(number, i);
        const char *parts[] = {option, ",lowerdir=/lower/",
                               number, ",upperdir=" OWN_SCRATCH "/upper/",
                               number, ",workdir=" OWN_SCRATCH "/overlay/",
                               number, 0};
        const char *path[] = {OWN_SCRATCH "/root/", config_text(config, config->binds[i].target), 0};
        int result = text_join(options, sizeof options, parts);
        if (result == 0)
            result = text_join(target, sizeof target, path);
        if (result == 0)
            result = (int)sys_mount("overlay", target, "overlay", MS_NOSUID | MS_NODEV, options);
        if (result < 0)
            return failure_at(ISOLATE_STAGE_OVERLAY, result, (int)i);
    }
    return failure_at(0, 0, 0);
}

/* Without these attributes the kernel accepts the mount, and deletions fail later. */
static struct isolate_failure check_user_attributes(void) {
    long result = SYS_CALL_5(__NR_setxattr, OWN_SCRATCH "/upper", "user.overlay.probe", "y", 1, 0);
    return failure_at(result < 0 ? ISOLATE_STAGE_OVERLAY : 0, result, ISOLATE_DETAIL_OVERLAY_USER_ATTRIBUTES);
}

static struct isolate_failure ask_supervisor(struct slot *slot) {
    struct isolate_status_record answer = {0};
    int namespaces[2] = {sys_openat(slot->proc, "self/ns/user", O_RDONLY, 0),
                         sys_openat(slot->proc, "self/ns/mnt", O_RDONLY, 0)};
    const char *first = slot->writable.has_lower_ids ? "o" : "i";
    long result = namespaces[0] < 0 ? namespaces[0] : namespaces[1];
    if (result >= 0)
        result = sys_send_blocking(slot->sync, first, 1, namespaces, 2);
    for (int i = 0; i < 2; i++)
        sys_close_fd(&namespaces[i]);
    if (result >= 0)
        result = sys_receive(slot->sync, &answer, sizeof answer, 0, 0, 0);
    if (result != sizeof answer)
        return failure_at(ISOLATE_STAGE_OVERLAY, result < 0 ? result : -EPIPE,
                          ISOLATE_DETAIL_OVERLAY_SUPERVISOR);
    if (answer.failure.stage == 0)
        slot->writable.has_lower_ids = 1;
    return answer.failure;
}

struct isolate_failure overlay_create(struct slot *slot) {
    /* A mount of its own, so that the cell can make it the root. */
    long result = SYS_CALL_3(__NR_mkdirat, AT_FDCWD, OWN_SCRATCH "/root", 0755);
    if (result == 0)
        result = sys_mount(OWN_SCRATCH "/root", OWN_SCRATCH "/root", 0, MS_BIND, 0);
    int CLEANUP_CLOSE root =
        result < 0 ? (int)result : sys_openat(AT_FDCWD, OWN_SCRATCH "/root", O_PATH | O_DIRECTORY, 0);
    if (root < 0)
        return failure_at(ISOLATE_STAGE_SCRATCH, root, ISOLATE_DETAIL_SCRATCH_ROOT_MOUNT);
    if (result == 0)
        result = SYS_CALL_3(__NR_mkdirat, AT_FDCWD, OWN_SCRATCH "/upper", 0755);
    if (result == 0)
        result = SYS_CALL_3(__NR_mkdirat, AT_FDCWD, OWN_SCRATCH "/overlay", 0755);
    if (result < 0)
        return failure_at(ISOLATE_STAGE_SCRATCH, result, ISOLATE_DETAIL_SCRATCH_ROOT_LAYERS);
    struct isolate_failure failure = populate(slot, root);
    if (failure.stage != 0)
        return failure;
    if (slot->config->id_source == ISOLATE_IDS_PRIVILEGED) {
        failure = ask_supervisor(slot);
    } else {
        failure = check_user_attributes();
        if (failure.stage == 0)
            failure = mount_overlays(slot->config, "userxattr");
    }
    if (failure.stage == 0)
        failure = bind_mounts_enter(slot, root);
    if (failure.stage == 0 && stage_is_forced_to_fail(slot->config, ISOLATE_STAGE_OVERLAY))
        failure = failure_at(ISOLATE_STAGE_OVERLAY, -EIO, 0);
    return failure;
}

/* Supervisor's child, in the slot's mount namespace: makes root's files appear as the program's. */
static struct isolate_failure give_lower_ids(const struct isolate_config *config, int user_namespace) {
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_IDMAP | MOUNT_ATTR_RDONLY,
                                    .userns_fd = (uint64_t)user_namespace};
    for (uint32_t i = 0; i < config->bind_count; i++) {
        char path[PATH_BYTES];
        if (config->binds[i].kind != ISOLATE_BIND_TREE)
            continue;
        int result = path_of(path, "/lower/", i);
        int CLEANUP_CLOSE tree = result < 0 ? result
                                            : (int)SYS_CALL_3(__NR_open_tree, AT_FDCWD, path,
                                                              OPEN_TREE_CLONE | O_CLOEXEC | AT_RECURSIVE);
        result = tree;
        if (result >= 0)
            result =
                (int)SYS_CALL_5(__NR_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes);
        if (result >= 0)
            result = (int)SYS_CALL_5(__NR_move_mount, tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
        if (result < 0)
            return failure_at(ISOLATE_STAGE_OVERLAY, result, (int)i);
    }
    return failure_at(0, 0, 0);
}

/* An overlay does its own file operations with the credentials of its mounter. In the scratch tmpfs, which
 * belongs to the slot's user namespace, only ids of that namespace can own a file; the capabilities stay. */
static long become_owner(const struct identity *id) {
    long result = sys_prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP);
    if (result == 0) {
        SYS_CALL_1(__NR_setfsgid, id->program_gid);
        SYS_CALL_1(__NR_setfsuid, id->program_uid);
    }
    return result;
}

void overlay_mount_for_slot(const struct isolate_config *config, const struct identity *id, int socket,
                            const int namespaces[2], int is_first) {
    struct isolate_status_record answer = {.type = ISOLATE_PREPARED};
    /* Safe: the slot just made the tree below, and no program has run in it, so no link of a program's is
     * followed; the layers' names are numbers chosen here. */
    long result = SYS_CALL_2(__NR_setns, namespaces[1], CLONE_NEWNS);
    answer.failure =
        failure_at(result < 0 ? ISOLATE_STAGE_OVERLAY : 0, result, ISOLATE_DETAIL_OVERLAY_NAMESPACE);
    if (answer.failure.stage == 0 && is_first)
        answer.failure = give_lower_ids(config, namespaces[0]);
    if (answer.failure.stage == 0) {
        result = become_owner(id);
        answer.failure =
            failure_at(result < 0 ? ISOLATE_STAGE_OVERLAY : 0, result, ISOLATE_DETAIL_OVERLAY_OWNER);
    }
    if (answer.failure.stage == 0)
        answer.failure = mount_overlays(config, "redirect_dir=on");
    sys_send_blocking(socket, &answer, sizeof answer, 0, 0);
    sys_exit(0);
}
