/*
 * pid 1 of a cell: makes the cell's mounts, then only exists.
 *
 * It owns the pid namespace: killing it kills every process of the run. Orphans are reaped by the kernel
 * itself, because pid 1 ignores SIGCHLD. It keeps no descriptor, no capability and no way to be talked to;
 * being another user than the program, it cannot be signalled, traced, or given other resource limits by it.
 */
#include <linux/mount.h>
#include <linux/prctl.h>

#include "supervisor.h"

static struct isolate_failure bind_scratch(void) {
    /* /run carries the sandbox's scratch tmpfs in the slot's tree; the cell sees its parts in their places
     * only. */
    static const char *const binds[][2] = {
        {"/run/work", "/work"}, {"/run/tmp", "/tmp"}, {"/run/shm", "/dev/shm"}};
    for (int i = 0; i < 3; i++) {
        long result = sys_mount(binds[i][0], binds[i][1], 0, MS_BIND, 0);
        if (result < 0)
            return failure_at(ISOLATE_STAGE_MOUNT_SCRATCH, result, i);
    }
    long result = SYS_CALL_2(__NR_umount2, "/run", 2 /* MNT_DETACH */);
    return failure_at(result < 0 ? ISOLATE_STAGE_MOUNT_SCRATCH : 0, result, 3);
}

static struct isolate_failure mount_proc(void) {
    /* The new proc is made while the slot's own, unmasked one is still visible: the kernel asks for that. */
    int CLEANUP_CLOSE context = (int)SYS_CALL_2(__NR_fsopen, "proc", 1 /* FSOPEN_CLOEXEC */);
    long result = context;
    if (result >= 0)
        result = SYS_CALL_5(__NR_fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0);
    int CLEANUP_CLOSE mount = -1;
    if (result >= 0)
        result = mount = (int)SYS_CALL_3(__NR_fsmount, context, 1 /* FSMOUNT_CLOEXEC */,
                                         MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    if (result >= 0)
        result = SYS_CALL_2(__NR_umount2, "/proc", 2 /* MNT_DETACH */);
    if (result >= 0)
        result = SYS_CALL_5(__NR_move_mount, mount, "", AT_FDCWD, "/proc", MOVE_MOUNT_F_EMPTY_PATH);
    return failure_at(result < 0 ? ISOLATE_STAGE_MOUNT_PROC : 0, result, 0);
}

static struct isolate_failure mask_proc(const struct isolate_config *config) {
    for (uint32_t i = 0; i < config->mask_count; i++) {
        const char *path = config_text(config, config->masks[i].path);
        long result;
        if (config->masks[i].kind == 2) {
            int CLEANUP_CLOSE tree =
                (int)SYS_CALL_3(__NR_open_tree, AT_FDCWD, path, 1 | O_CLOEXEC /* CLONE */);
            struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
                                                        MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC};
            result = tree;
            if (result >= 0)
                result =
                    SYS_CALL_5(__NR_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes);
            if (result >= 0)
                result = SYS_CALL_5(__NR_move_mount, tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
        } else {
            /* /run is an empty read-only directory by now. */
            result = sys_mount(config->masks[i].kind == 1 ? "/run" : "/dev/null", path, 0, MS_BIND, 0);
        }
        if (result < 0)
            return failure_at(ISOLATE_STAGE_MASK_PROC, result, (int)i);
    }
    return failure_at(0, 0, 0);
}

static struct isolate_failure make_mounts(const struct isolate_config *config) {
    struct isolate_failure failure = bind_scratch();
    if (failure.stage == 0 && stage_is_forced_to_fail(config, ISOLATE_STAGE_MOUNT_SCRATCH))
        failure = failure_at(ISOLATE_STAGE_MOUNT_SCRATCH, -EIO, 0);
    if (failure.stage == 0)
        failure = mount_proc();
    if (failure.stage == 0 && stage_is_forced_to_fail(config, ISOLATE_STAGE_MOUNT_PROC))
        failure = failure_at(ISOLATE_STAGE_MOUNT_PROC, -EIO, 0);
    if (failure.stage == 0)
        failure = mask_proc(config);
    if (failure.stage == 0 && stage_is_forced_to_fail(config, ISOLATE_STAGE_MASK_PROC))
        failure = failure_at(ISOLATE_STAGE_MASK_PROC, -EIO, 0);
    return failure;
}

/* Being non-dumpable, init is the only one who may open its namespaces. */
static int open_namespaces(int fds[CELL_NAMESPACES]) {
    static const char *const paths[CELL_NAMESPACES] = {
        [CELL_PID] = "/proc/self/ns/pid",
        [CELL_MOUNT] = "/proc/self/ns/mnt",
        [CELL_IPC] = "/proc/self/ns/ipc",
        [CELL_UTS] = "/proc/self/ns/uts",
    };
    for (int i = 0; i < CELL_NAMESPACES; i++)
        if ((fds[i] = sys_openat(AT_FDCWD, paths[i], O_RDONLY, 0)) < 0)
            return fds[i];
    return 0;
}

void init_main(const struct slot *slot, int result_socket) {
    struct isolate_status_record done = {.type = ISOLATE_INIT_DONE};
    int namespaces[CELL_NAMESPACES];
    sys_close_others(0, &result_socket, 1);
    sys_prctl(PR_SET_NAME, (unsigned long)"init");
    done.failure = make_mounts(slot->config);
    if (done.failure.stage == 0) {
        /* Children that die are reaped by the kernel; nothing wakes us. */
        struct {
            void *handler;
            unsigned long flags;
            void *restorer;
            uint64_t mask;
        } ignore = {(void *)1 /* SIG_IGN */, 0, 0, 0};
        SYS_CALL_4(__NR_rt_sigaction, SYS_SIGCHLD, &ignore, 0, 8);
        int result = open_namespaces(namespaces);
        if (result == 0)
            result = credentials_drop_bounding_set();
        if (result == 0)
            result = credentials_drop_all_capabilities();
        if (result == 0) /* after the last change of credentials, which would clear it */
            result = (int)sys_prctl(PR_SET_PDEATHSIG, SYS_SIGKILL);
        if (result < 0)
            done.failure = failure_at(ISOLATE_STAGE_CREDENTIALS, result, 1);
    }
    /* If the slot died before the death signal was set, this socket has no other end. */
    unsigned count = done.failure.stage == 0 ? CELL_NAMESPACES : 0;
    if (sys_send_blocking(result_socket, &done, sizeof done, namespaces, count) < 0 ||
        done.failure.stage != 0)
        sys_exit(1);
    SYS_CALL_3(__NR_close_range, 0, ~0u, 0);
    for (;;)
        sys_poll(0, 0, -1);
}
