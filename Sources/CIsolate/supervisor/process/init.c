/*
 * pid 1 of a cell: makes the cell's mounts, then only exists.
 *
 * It owns the pid namespace: killing it kills every process of the run. The kernel reaps orphans, because pid
 * 1 ignores SIGCHLD. Init has no descriptor, no capability and no channel to receive anything; its user
 * differs from the program's, so the program cannot signal it, trace it or change its resource limits.
 */
#include "process/init.h"

#include <asm/signal.h>
#include <linux/mount.h>
#include <linux/prctl.h>

#include "config.h"
#include "credentials.h"
#include "failure.h"
#include "own_mounts.h"
#include "process/network.h"
#include "slot_state.h"
#include "sys.h"
#include "text.h"

enum { PATH_BYTES = 256 };

/* Where the cell's root is while init makes its mounts. */
static const char *root_of(const struct slot *slot) {
    return has_feature(slot, ISOLATE_FEATURE_WRITABLE) ? OWN_SCRATCH "/root" : "";
}

static int path_in_root(const struct slot *slot, const char *path, char out[PATH_BYTES]) {
    const char *parts[] = {root_of(slot), path, 0};
    return text_join(out, PATH_BYTES, parts);
}

static struct isolate_failure bind_scratch(const struct slot *slot) {
    /* The cell gets only the parts of the sandbox's scratch tmpfs, in their places. */
    static const char *const binds[][2] = {
        {OWN_SCRATCH "/work", "/work"}, {OWN_SCRATCH "/tmp", "/tmp"}, {OWN_SCRATCH "/shm", "/dev/shm"}};
    char target[PATH_BYTES];
    for (int i = 0; i < 3; i++) {
        long result = path_in_root(slot, binds[i][1], target);
        if (result == 0)
            result = sys_mount(binds[i][0], target, 0, MS_BIND, 0);
        if (result < 0)
            return failure_at(ISOLATE_STAGE_MOUNT_SCRATCH, result, ISOLATE_DETAIL_MOUNT_SCRATCH_WORK + i);
    }
    return failure_at(0, 0, 0);
}

/* Takes the slot's own mounts out of the cell's tree: its proc, the scratch tmpfs, the files that it keeps
 * for later sandboxes (kept_store.c). No program may see them. */
static struct isolate_failure hide_own_mounts(const struct slot *slot) {
    /* A writable root is among them; the others go with the slot's tree (enter_writable_root). */
    if (has_feature(slot, ISOLATE_FEATURE_WRITABLE))
        return failure_at(0, 0, 0);
    long result = SYS_CALL_2(__NR_umount2, OWN_MOUNTS, SYS_MNT_DETACH);
    return failure_at(result < 0 ? ISOLATE_STAGE_MOUNT_SCRATCH : 0, result,
                      ISOLATE_DETAIL_MOUNT_SCRATCH_HIDE);
}

static struct isolate_failure mount_proc(const struct slot *slot) {
    char target[PATH_BYTES];
    /* The new proc is made while the slot's own, unmasked one is still visible: the kernel requires one
     * (mount_too_revealing). */
    int CLEANUP_CLOSE context = (int)SYS_CALL_2(__NR_fsopen, "proc", FSOPEN_CLOEXEC);
    long result = context;
    if (result >= 0)
        result = SYS_CALL_5(__NR_fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0);
    int CLEANUP_CLOSE mount = -1;
    if (result >= 0)
        result = mount = (int)SYS_CALL_3(__NR_fsmount, context, FSMOUNT_CLOEXEC,
                                         MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    if (result >= 0)
        result = path_in_root(slot, "/proc", target);
    if (result >= 0)
        result = SYS_CALL_5(__NR_move_mount, mount, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH);
    return failure_at(result < 0 ? ISOLATE_STAGE_MOUNT_PROC : 0, result, ISOLATE_DETAIL_MOUNT_PROC_MOUNT);
}

static struct isolate_failure mask_proc(const struct slot *slot) {
    const struct isolate_config *config = slot->config;
    /* /run is an empty read-only directory by now, except in a writable root. */
    const char *empty = has_feature(slot, ISOLATE_FEATURE_WRITABLE) ? "/empty" : "/run";
    for (uint32_t i = 0; i < config->mask_count; i++) {
        char path[PATH_BYTES];
        long result = path_in_root(slot, config_text(config, config->masks[i].path), path);
        if (result == 0 && config->masks[i].kind == ISOLATE_MASK_READ_ONLY) {
            int CLEANUP_CLOSE tree =
                (int)SYS_CALL_3(__NR_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | O_CLOEXEC);
            struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
                                                        MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC};
            result = tree;
            if (result >= 0)
                result =
                    SYS_CALL_5(__NR_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes);
            if (result >= 0)
                result = SYS_CALL_5(__NR_move_mount, tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
        } else if (result == 0) {
            result = sys_mount(config->masks[i].kind == ISOLATE_MASK_DIRECTORY ? empty : "/dev/null", path, 0,
                               MS_BIND, 0);
        }
        if (result < 0)
            return failure_at(ISOLATE_STAGE_MASK_PROC, result, (int)i);
    }
    return failure_at(0, 0, 0);
}

/* Makes the writable root the cell's root; the slot's tree, with the layers below the root, is then out of
 * reach. */
static struct isolate_failure enter_writable_root(const struct slot *slot) {
    long result = SYS_CALL_1(__NR_chdir, root_of(slot));
    if (result == 0)
        result = SYS_CALL_2(__NR_pivot_root, ".", ".");
    if (result == 0)
        result = SYS_CALL_2(__NR_umount2, ".", SYS_MNT_DETACH);
    if (result == 0)
        result = SYS_CALL_1(__NR_chdir, "/");
    return failure_at(result < 0 ? ISOLATE_STAGE_PIVOT : 0, result, ISOLATE_DETAIL_PIVOT_CELL);
}

static struct isolate_failure make_mounts(const struct slot *slot) {
    const struct isolate_config *config = slot->config;
    int has_proc = has_feature(slot, ISOLATE_FEATURE_PROC);
    struct isolate_failure failure = bind_scratch(slot);
    if (failure.stage == 0 && stage_is_forced_to_fail(config, ISOLATE_STAGE_MOUNT_SCRATCH))
        failure = failure_at(ISOLATE_STAGE_MOUNT_SCRATCH, -EIO, ISOLATE_DETAIL_MOUNT_SCRATCH_WORK);
    if (failure.stage == 0 && has_proc)
        failure = mount_proc(slot);
    if (failure.stage == 0 && stage_is_forced_to_fail(config, ISOLATE_STAGE_MOUNT_PROC))
        failure = failure_at(ISOLATE_STAGE_MOUNT_PROC, -EIO, ISOLATE_DETAIL_MOUNT_PROC_MOUNT);
    if (failure.stage == 0)
        failure = hide_own_mounts(slot);
    if (failure.stage == 0 && has_proc)
        failure = mask_proc(slot);
    if (failure.stage == 0 && stage_is_forced_to_fail(config, ISOLATE_STAGE_MASK_PROC))
        failure = failure_at(ISOLATE_STAGE_MASK_PROC, -EIO, 0);
    if (failure.stage == 0 && has_feature(slot, ISOLATE_FEATURE_WRITABLE))
        failure = enter_writable_root(slot);
    return failure;
}

/* Only init itself may open its namespaces, since it is not dumpable. Returns how many it opened, or
 * -errno. */
static int open_namespaces(const struct slot *slot, int fds[CELL_NAMESPACES]) {
    static const char *const paths[CELL_NAMESPACES] = {
        [CELL_PID] = "self/ns/pid",
        [CELL_MOUNT] = "self/ns/mnt",
        [CELL_IPC] = "self/ns/ipc",
        [CELL_UTS] = "self/ns/uts",
        /* The last one, since a cell does not always have a network namespace of its own. */
        [CELL_NETWORK] = "self/ns/net",
    };
    int count = network_is_per_cell(slot) ? CELL_NAMESPACES : CELL_NETWORK;
    for (int i = 0; i < count; i++)
        if ((fds[i] = sys_openat(slot->proc, paths[i], O_RDONLY, 0)) < 0)
            return fds[i];
    return count;
}

void init_main(const struct slot *slot, int result_socket) {
    struct isolate_status_record done = {.type = ISOLATE_INIT_DONE};
    int namespaces[CELL_NAMESPACES], count = 0;
    const int keep[] = {result_socket, slot->proc};
    sys_close_others(0, keep, 2);
    sys_prctl(PR_SET_NAME, (unsigned long)"init");
    done.failure = make_mounts(slot);
    if (done.failure.stage == 0 && network_is_per_cell(slot)) {
        int result = network_bring_loopback_up();
        network_bound_buffers(slot);
        done.failure =
            failure_at(result < 0 ? ISOLATE_STAGE_NETWORK : 0, result, ISOLATE_DETAIL_NETWORK_CELL);
    }
    if (done.failure.stage == 0) {
        /* The kernel reaps children that die, without waking init. */
        struct {
            void *handler;
            unsigned long flags;
            void *restorer;
            uint64_t mask;
        } ignore = {(void *)SIG_IGN, 0, 0, 0};
        SYS_CALL_4(__NR_rt_sigaction, SYS_SIGCHLD, &ignore, 0, SYS_SIGNAL_SET_BYTES);
        int result = count = open_namespaces(slot, namespaces); /* the slot's proc shows init as well */
        if (result >= 0)                                        /* the bounding set is empty: the slot's */
            result = credentials_drop_all_capabilities();
        if (result == 0) /* after the last change of credentials, which would clear it */
            result = (int)sys_prctl(PR_SET_PDEATHSIG, SYS_SIGKILL);
        if (result < 0)
            done.failure = failure_at(ISOLATE_STAGE_CREDENTIALS, result, ISOLATE_DETAIL_CREDENTIALS_INIT);
    }
    /* If the slot died before the death signal was set, the socket has no other end and the send fails. */
    if (done.failure.stage != 0)
        count = 0;
    if (sys_send_blocking(result_socket, &done, sizeof done, namespaces, (unsigned)count) < 0 ||
        done.failure.stage != 0)
        sys_exit(1);
    SYS_CALL_3(__NR_close_range, 0, ~0u, 0);
    for (;;)
        sys_poll(0, 0, -1);
}
