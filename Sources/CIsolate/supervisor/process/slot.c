/*
 * A slot: serves one sandbox at a time, until the embedder destroys it.
 *
 * It is root of its own user namespace and has no rights on the host. Requests arrive on the control socket;
 * a request to run goes directly to the waiting program's process, and the slot learns of it by that
 * process's `ready`.
 */
#include "process/slot.h"

#include <asm/signal.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/signalfd.h>
#include <linux/wait.h>

#include "accounting/cgroup.h"
#include "accounting/looker.h"
#include "accounting/processes.h"
#include "config.h"
#include "credentials.h"
#include "failure.h"
#include "process/cell.h"
#include "process/control.h"
#include "process/identity.h"
#include "process/network.h"
#include "process/run.h"
#include "process/seat.h"
#include "slot_state.h"
#include "sys.h"
#include "text.h"
#include "tree/container.h"
#include "tree/kept_files.h"
#include "tree/kept_store.h"
#include "tree/root.h"
#include "tree/scratch.h"

enum { IDLE_BEFORE_CELL_NS = 2000000 };
/* A new slot reports at once unless it is stopped; the supervisor does not let other slots wait longer for
 * it. */
#define WORD_TIMEOUT_NS ((int64_t)2000000000)

static struct isolate_failure watch_children(struct slot *slot) {
    uint64_t mask = 1ull << (SYS_SIGCHLD - 1);
    SYS_CALL_4(__NR_rt_sigprocmask, SIG_BLOCK, &mask, 0, SYS_SIGNAL_SET_BYTES);
    slot->child_signals =
        (int)SYS_CALL_4(__NR_signalfd4, -1, &mask, SYS_SIGNAL_SET_BYTES, SFD_CLOEXEC | SFD_NONBLOCK);
    return failure_at(slot->child_signals < 0 ? ISOLATE_STAGE_CLONE_SLOT : 0, slot->child_signals,
                      ISOLATE_DETAIL_CLONE_SLOT_SIGNALS);
}

/* Starts the slot's helpers: the seat, and the looker where no cgroup counts memory. */
static struct isolate_failure start_helpers(struct slot *slot) {
    if (slot->cgroup.kind == ISOLATE_CGROUP_NONE) {
        int result = looker_start(slot);
        if (result < 0)
            return failure_at(ISOLATE_STAGE_CLONE_SEAT, result, ISOLATE_DETAIL_CLONE_SEAT_LOOKER);
    }
    struct isolate_failure failure = seat_start(slot);
    return failure.stage == 0 ? watch_children(slot) : failure;
}

/* Level minimal: there is no tree to build. The slot becomes the parent of the run's orphans. */
static struct isolate_failure set_up_plain(struct slot *slot) {
    slot->proc = sys_openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY, 0);
    sys_prctl(PR_SET_CHILD_SUBREAPER, 1);
    kept_store_use_memory();
    /* The slot cannot kill processes that proc does not show. */
    if (!processes_are_visible(slot))
        return failure_at(ISOLATE_STAGE_MOUNT_PROC, -ENOSYS, ISOLATE_DETAIL_MOUNT_PROC_BLIND);
    struct isolate_failure failure = failure_at(0, 0, 0);
    if (stage_is_forced_to_fail(slot->config, ISOLATE_STAGE_CLONE_SEAT))
        failure = failure_at(ISOLATE_STAGE_CLONE_SEAT, -EIO, ISOLATE_DETAIL_CLONE_SEAT_SOCKETS);
    return failure.stage == 0 ? start_helpers(slot) : failure;
}

static struct isolate_failure set_up(struct slot *slot) {
    const struct isolate_config *config = slot->config;
    long result = identity_be_mapped(slot);
    if (result < 0)
        return failure_at(ISOLATE_STAGE_ID_MAP, result, ISOLATE_DETAIL_ID_MAP_INSIDE);
    if (!has_feature(slot, ISOLATE_FEATURE_WRITABLE))
        sys_close_fd(&slot->sync);
    result = credentials_become_slot_root(slot);
    /* Once here and not in each cell: init, the seat and every program are forks of this process. */
    if (result == 0 && has_feature(slot, ISOLATE_FEATURE_NAMESPACES))
        result = credentials_drop_bounding_set();
    if (result == 0) /* after the change of credentials, which clears it */
        result = sys_prctl(PR_SET_PDEATHSIG, SYS_SIGKILL);
    if (result == 0)
        credentials_hide(config);
    if (result < 0)
        return failure_at(ISOLATE_STAGE_CREDENTIALS, result, ISOLATE_DETAIL_CREDENTIALS_SLOT);
    struct isolate_failure failure = cgroup_open(slot);
    if (failure.stage != 0)
        return failure;
    if (!has_feature(slot, ISOLATE_FEATURE_NAMESPACES))
        return set_up_plain(slot);
    if (has_feature(slot, ISOLATE_FEATURE_NET_NS))
        result = network_bring_loopback_up();
    if (result == 0 && stage_is_forced_to_fail(config, ISOLATE_STAGE_NETWORK))
        result = -EIO;
    if (result < 0)
        return failure_at(ISOLATE_STAGE_NETWORK, result, ISOLATE_DETAIL_NETWORK_SLOT);
    const char *hostname = config_text(config, config->hostname);
    result = SYS_CALL_2(__NR_sethostname, hostname, text_length(hostname));
    if (result == 0 && stage_is_forced_to_fail(config, ISOLATE_STAGE_HOSTNAME))
        result = -EIO;
    if (result < 0)
        return failure_at(ISOLATE_STAGE_HOSTNAME, result, 0);
    failure = root_build(slot);
    if (failure.stage == 0 && config->fail_stage >= ISOLATE_STAGE_MOUNT_ROOT &&
        config->fail_stage <= ISOLATE_STAGE_PIVOT)
        failure = failure_at((int)config->fail_stage, -EIO, 0);
    if (failure.stage == 0)
        kept_store_use_tmpfs(slot);
    if (failure.stage == 0 && has_feature(slot, ISOLATE_FEATURE_PROC))
        identity_bound_quotas(slot);
    /* Without a cgroup the slot cannot bound processes that proc does not show, either. */
    if (failure.stage == 0 && slot->cgroup.kind == ISOLATE_CGROUP_NONE && !processes_are_visible(slot))
        failure = failure_at(ISOLATE_STAGE_MOUNT_PROC, -ENOSYS, ISOLATE_DETAIL_MOUNT_PROC_BLIND);
    if (failure.stage == 0 && stage_is_forced_to_fail(config, ISOLATE_STAGE_CLONE_SEAT))
        failure = failure_at(ISOLATE_STAGE_CLONE_SEAT, -EIO, ISOLATE_DETAIL_CLONE_SEAT_SOCKETS);
    return failure.stage == 0 ? start_helpers(slot) : failure;
}

static void reply(struct slot *slot, uint32_t type, uint64_t in_advance, struct isolate_failure failure) {
    struct isolate_status_record record = {.type = type,
                                           .layers = slot->cell.layers,
                                           .retire = (uint32_t)slot->is_retired,
                                           .bytes = in_advance,
                                           .failure = failure};
    if (sys_send_blocking(slot->control, &record, sizeof record, 0, 0) < 0)
        sys_exit(0);
}

/* Receives a request that no program's process took; returns its serial, or 0. */
static uint64_t discard_request(struct slot *slot) {
    struct {
        struct isolate_run_header header;
        char strings[ISOLATE_INLINE_MAX];
    } request = {.header = {.serial = 0}};
    int fds[4];
    if (sys_receive(slot->request, &request, sizeof request, fds, 4, SYS_MSG_DONTWAIT) > 0)
        for (int i = 0; i < 4; i++)
            sys_close_fd(&fds[i]);
    return request.header.serial;
}

static void report_run(struct slot *slot, const struct isolate_run_record *record) {
    if (record->serial > slot->ended_serial)
        slot->ended_serial = record->serial;
    if (sys_send_blocking(slot->control, record, sizeof *record, 0, 0) < 0)
        sys_exit(0);
}

static void report_unstarted(struct slot *slot, uint32_t end, uint64_t serial,
                             struct isolate_failure failure) {
    struct isolate_run_record record;
    memset(&record, 0, sizeof record);
    record.type = ISOLATE_RUN_ENDED;
    record.end = end;
    record.serial = serial;
    record.failure = failure;
    report_run(slot, &record);
}

static void handle_control(struct slot *slot) {
    struct isolate_prepare_record word;
    struct isolate_failure failure = failure_at(0, 0, 0);
    if (!control_receive(slot, &word, 0))
        return;
    switch (word.type) {
    case ISOLATE_PREPARE:
        if (slot->work >= 0 || cell_exists(slot))
            failure = failure_at(ISOLATE_STAGE_PROTOCOL, -EBUSY, ISOLATE_DETAIL_PROTOCOL_RECORD);
        if (failure.stage == 0)
            failure = scratch_create(slot, word.disk_bytes);
        if (failure.stage == 0) {
            failure = cell_prepare(slot);
            if (failure.stage != 0)
                scratch_remove(slot);
        }
        reply(slot, ISOLATE_PREPARED, failure.stage == 0 ? kept_place_in_advance(slot) : 0, failure);
        break;
    case ISOLATE_CLEAR:
        cell_destroy(slot);
        discard_request(slot);
        kept_end_sandbox();
        scratch_remove(slot);
        reply(slot, ISOLATE_CLEARED, 0, failure);
        break;
    case ISOLATE_SET_DISK:
        reply(slot, ISOLATE_DISK_SET, 0, scratch_resize(slot, word.disk_bytes));
        break;
    case ISOLATE_END_RUN:
        if (word.serial <= slot->ended_serial)
            break; /* the run has already ended */
        /* The request is with the program's process or still in the socket: it becomes a program in neither
         * case. */
        cell_destroy(slot);
        discard_request(slot);
        report_unstarted(slot, word.end, word.serial, failure);
        break;
    default:
        break;
    }
}

/* Returns 0 when the cell ended before it had a request. */
static int handle_waiting_cell(struct slot *slot) {
    struct isolate_run_record record = run_follow(slot);
    report_run(slot, &record);
    cell_destroy(slot);
    if (has_feature(slot, ISOLATE_FEATURE_CONTAINER))
        container_end_run(slot); /* elsewhere the end of the cell's namespace removes them */
    return record.serial != 0;
}

/* Whether the waiting program's process stopped or died. A traced process stops even while it exits, and then
 * its channel shows nothing. */
static int has_program_news(struct slot *slot) {
    const int options = WNOHANG | WSTOPPED | WEXITED | WNOWAIT | __WALL;
    int info[32] = {0}; /* siginfo_t begins with the signal's number */
    uint8_t drained[128];
    sys_read(slot->child_signals, drained, sizeof drained); /* before waitid, so that none is lost */
    SYS_CALL_5(__NR_waitid, P_PID, slot->cell.program_pid, info, options, 0);
    return info[0] != 0;
}

static void __attribute__((noreturn)) slot_main(struct slot *slot) {
    slot->work = slot->plain.tmp = slot->cell.init_pid = slot->cell.program_pid = slot->cell.channel =
        slot->cell.listener = slot->cell.status = slot->cell.namespaces[CELL_MOUNT] = -1;
    slot->kept = slot->own_mounts = -1;
    slot->seat_pid = slot->seat_pidfd = slot->looker = slot->looker_pid = -1;
    sys_prctl(PR_SET_NAME, (unsigned long)"isolate-slot");
    struct isolate_failure failure = set_up(slot);
    reply(slot, ISOLATE_CLEARED, 0, failure);
    if (failure.stage != 0)
        sys_exit(1);
    int is_retry_due = 1; /* an idle sandbox tries to make a cell once; then only on request */
    for (;;) {
        int has_cell = cell_exists(slot), is_open = slot->work >= 0;
        struct sys_pollfd control = {slot->control, SYS_POLLIN, 0};
        /* With a cell: its first record. Without one, in an open sandbox: a request that needs a cell. */
        struct sys_pollfd other = {has_cell  ? slot->cell.channel
                                   : is_open ? slot->request
                                             : -1,
                                   SYS_POLLIN, 0};
        struct sys_pollfd child = {has_cell ? slot->child_signals : -1, SYS_POLLIN, 0};
        /* Polled for its end only: an embedder that closed one of the sockets is gone, as if it had closed
         * both. */
        struct sys_pollfd request = {slot->request, 0, 0};
        struct sys_pollfd fds[4] = {control, other, child, request};
        sys_result n = sys_poll(fds, 4, !has_cell && is_open && is_retry_due ? IDLE_BEFORE_CELL_NS : -1);
        if (n < 0)
            continue;
        if ((fds[0].revents | fds[3].revents) & (SYS_POLLHUP | SYS_POLLERR))
            sys_exit(0); /* the embedder is gone */
        if (fds[2].revents != 0 && has_program_news(slot))
            fds[1].revents = SYS_POLLIN;
        if (n == 0) {
            /* Most sandboxes are closed right after their run. This one stays open, so its next cell is made
             * now. */
            is_retry_due = cell_prepare(slot).stage == 0;
        } else if (fds[1].revents != 0 && has_cell) {
            /* A cell that dies by itself is not made again without a request. */
            is_retry_due = handle_waiting_cell(slot);
        } else if (fds[1].revents != 0) {
            failure = cell_prepare(slot);
            if (failure.stage != 0)
                report_unstarted(slot, ISOLATE_END_FAILURE, discard_request(slot), failure);
            is_retry_due = failure.stage == 0;
        } else if (fds[0].revents != 0) {
            handle_control(slot);
        }
    }
}

static void keep_only_slot_descriptors(const struct slot *slot) {
    int keep[32 + ISOLATE_BIND_MOUNT_MAX]; /* the cgroup has at most 20 */
    unsigned count = slot->has_cgroup ? cgroup_descriptors(&slot->cgroup, keep) : 0;
    keep[count++] = slot->control;
    keep[count++] = slot->request;
    keep[count++] = slot->sync;
    keep[count++] = slot->image;
    keep[count++] = slot->devices;
    for (int i = 0; i < ISOLATE_BIND_MOUNT_MAX; i++)
        keep[count++] = slot->bind_mounts[i];
    sys_close_others(3, keep, count); /* 0, 1 and 2 stay /dev/null */
}

int slot_start(struct slot *slot, int sync, int *pidfd, struct isolate_failure *failure) {
    const struct isolate_config *settings = slot->config;
    uint64_t namespaces = 0;
    char word;
    if (settings->features & ISOLATE_FEATURE_NAMESPACES)
        namespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
    if (settings->features & ISOLATE_FEATURE_NET_NS)
        namespaces |= CLONE_NEWNET;
    /* Safe: in a new user namespace the child's capabilities end at what that namespace owns. Without one, at
     * level minimal, the child has the supervisor's rights and runs only this code. */
    if (namespaces != 0)
        identity_begin_creation(settings, &slot->host);
    int pid = (int)sys_clone(namespaces, pidfd);
    if (pid != 0 && namespaces != 0)
        identity_end_creation(settings);
    if (pid == 0) {
        keep_only_slot_descriptors(slot);
        slot_main(slot);
    }
    if (pid < 0) {
        *failure = failure_at(ISOLATE_STAGE_CLONE_SLOT, pid, ISOLATE_DETAIL_CLONE_SLOT_PROCESS);
        return pid;
    }
    sys_close_fd(&slot->sync); /* so that the slot's death is an end of file */
    struct sys_pollfd spoken = {sync, SYS_POLLIN, 0};
    int result = sys_poll(&spoken, 1, WORD_TIMEOUT_NS) == 0 ? -ETIMEDOUT : 0;
    if (result == 0)
        result = sys_read(sync, &word, 1) == 1 ? 0 : -EPIPE;
    if (result == 0 && namespaces != 0)
        result = identity_write_maps(settings, &slot->host, pid);
    if (result == 0 && stage_is_forced_to_fail(settings, ISOLATE_STAGE_ID_MAP))
        result = -EIO;
    if (result == 0)
        result = sys_send(sync, "m", 1, 0, 0);
    if (result < 0)
        *failure = failure_at(ISOLATE_STAGE_ID_MAP, result, ISOLATE_DETAIL_ID_MAP_OUTSIDE);
    return pid;
}
