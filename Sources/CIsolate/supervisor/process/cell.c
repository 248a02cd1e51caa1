/* The cell of the next run: init with fresh namespaces, and the program's process, which waits there for a
 * request. */
#include "process/cell.h"

#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/wait.h>

#include "accounting/cgroup.h"
#include "accounting/container_use.h"
#include "accounting/evidence.h"
#include "accounting/processes.h"
#include "config.h"
#include "failure.h"
#include "process/init.h"
#include "process/network.h"
#include "process/plain_kill.h"
#include "process/seat.h"
#include "process/trace.h"
#include "slot_state.h"
#include "sys.h"
#include "tree/kept_files.h"

static int make_channel(int ends[2]) {
    return (int)SYS_CALL_4(__NR_socketpair, SYS_AF_UNIX, SYS_SOCK_SEQPACKET | SYS_SOCK_CLOEXEC, 0, ends);
}

int cell_exists(const struct slot *slot) {
    return slot->cell.init_pid > 0 || slot->cell.program_pid > 0;
}

static struct isolate_failure start_init(struct slot *slot) {
    int ends[2] = {-1, -1};
    struct isolate_status_record done;
    int result = make_channel(ends);
    if (result == 0 && stage_is_forced_to_fail(slot->config, ISOLATE_STAGE_CLONE_INIT))
        result = -EIO;
    if (result == 0)
        result = (int)sys_clone(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS |
                                    (network_is_per_cell(slot) ? CLONE_NEWNET : 0),
                                0);
    if (result == 0)
        init_main(slot, ends[1]);
    struct isolate_failure failure =
        failure_at(result < 0 ? ISOLATE_STAGE_CLONE_INIT : 0, result, ISOLATE_DETAIL_CLONE_INIT_PROCESS);
    if (result > 0) {
        slot->cell.init_pid = result;
        sys_close_fd(&ends[1]);
        long n = sys_receive(ends[0], &done, sizeof done, slot->cell.namespaces, CELL_NAMESPACES, 0);
        failure = n == sizeof done ? done.failure
                                   : failure_at(ISOLATE_STAGE_CLONE_INIT, n < 0 ? n : -EPIPE,
                                                ISOLATE_DETAIL_CLONE_INIT_ANSWER);
    }
    sys_close_fd(&ends[0]);
    sys_close_fd(&ends[1]);
    return failure;
}

/* Level minimal: the slot must attach before the program's process changes its user, after which it has no
 * right to. The process waits for the slot's answer. */
static struct isolate_failure attach_early(struct slot *slot) {
    struct isolate_status_record born;
    long result = sys_receive(slot->cell.channel, &born, sizeof born, 0, 0, 0);
    if (result != sizeof born)
        return failure_at(ISOLATE_STAGE_CLONE_PROGRAM, result < 0 ? result : -EPIPE,
                          ISOLATE_DETAIL_CLONE_PROGRAM_BORN);
    if (born.type != ISOLATE_PROGRAM_BORN)
        return born.failure;
    /* A host that forbids tracing costs only evidence: of stack, file size and open files. */
    trace_attach(slot->cell.program_pid);
    result = sys_send(slot->cell.channel, "g", 1, 0, 0);
    return failure_at(result < 0 ? ISOLATE_STAGE_TRACE : 0, result, ISOLATE_DETAIL_TRACE_BORN);
}

static struct isolate_failure start_program(struct slot *slot) {
    int ends[2] = {-1, -1};
    struct isolate_status_record reply, waiting;
    int result = make_channel(ends);
    if (result < 0)
        return failure_at(ISOLATE_STAGE_CLONE_PROGRAM, result, ISOLATE_DETAIL_CLONE_PROGRAM_CHANNEL);
    result = seat_fork(slot, ends[1], &reply);
    sys_close_fd(&ends[1]); /* the seat shares this slot's descriptors; the program's process has a copy */
    slot->cell.channel = ends[0];
    if (result < 0) {
        slot->is_retired = 1;
        return failure_at(ISOLATE_STAGE_CLONE_PROGRAM, result, ISOLATE_DETAIL_CLONE_PROGRAM_SEAT);
    }
    if (reply.failure.stage != 0)
        return reply.failure;
    slot->cell.program_pid = reply.value;
    if (!has_feature(slot, ISOLATE_FEATURE_NAMESPACES)) {
        struct isolate_failure failure = attach_early(slot);
        if (failure.stage != 0)
            return failure;
    }
    long n = sys_receive(slot->cell.channel, &waiting, sizeof waiting, &slot->cell.listener, 1, 0);
    if (n != sizeof waiting)
        return failure_at(ISOLATE_STAGE_CLONE_PROGRAM, n < 0 ? n : -EPIPE,
                          ISOLATE_DETAIL_CLONE_PROGRAM_WAITING);
    if (waiting.type != ISOLATE_PROGRAM_WAITING)
        return waiting.failure;
    slot->cell.layers = waiting.layers;
    if (has_feature(slot, ISOLATE_FEATURE_NAMESPACES))
        result = trace_attach(slot->cell.program_pid);
    if (result == 0 && stage_is_forced_to_fail(slot->config, ISOLATE_STAGE_TRACE))
        result = -EIO;
    if (result == 0)
        result = sys_send(slot->cell.channel, "g", 1, 0, 0);
    return failure_at(result < 0 ? ISOLATE_STAGE_TRACE : 0, result, ISOLATE_DETAIL_TRACE_WAITING);
}

struct isolate_failure cell_prepare(struct slot *slot) {
    slot->cell.init_pid = slot->cell.program_pid = slot->cell.channel = slot->cell.listener =
        slot->cell.status = -1;
    slot->cell.has_begun = 0;
    for (int i = 0; i < CELL_NAMESPACES; i++)
        slot->cell.namespaces[i] = -1;
    /* What an earlier run's cell had as mounts, this one has as files. */
    struct isolate_failure failure = kept_settle(slot);
    if (failure.stage != 0)
        return failure;
    if (has_feature(slot, ISOLATE_FEATURE_CONTAINER))
        container_begin_looks(slot);
    slot->cell.was_full = disk_is_full(slot);
    if (has_feature(slot, ISOLATE_FEATURE_CONTAINER)) {
        container_note_use(slot);
        cgroup_container_keep_reserve(slot);
    }
    failure = cgroup_prepare(slot);
    if (failure.stage == 0 && has_feature(slot, ISOLATE_FEATURE_NAMESPACES))
        failure = start_init(slot);
    if (failure.stage == 0)
        failure = start_program(slot);
    /* The kernel makes proc's entries for the new processes now, instead of at the end of the run. */
    processes_exist(slot);
    if (failure.stage == 0)
        slot->cell.status =
            processes_open(slot, processes_entry(slot, slot->cell.program_pid), "status", O_RDONLY);
    for (int i = 0; i < CELL_NAMESPACES; i++)
        if (i != CELL_MOUNT)                         /* in which files are placed (kept_files.c) */
            sys_close_fd(&slot->cell.namespaces[i]); /* the cell's processes keep them alive */
    if (failure.stage != 0)
        cell_destroy(slot);
    return failure;
}

void cell_kill(struct slot *slot) {
    if (!has_feature(slot, ISOLATE_FEATURE_NAMESPACES))
        plain_kill(slot);
    if (slot->cell.init_pid > 0) /* never -1, which means every process */
        SYS_CALL_2(__NR_kill, slot->cell.init_pid, SYS_SIGKILL);
}

static void reap_one(struct slot *slot, long pid, int status) {
    if (sys_has_stopped(status) &&
        pid == slot->cell.program_pid) /* a traced process may stop while it exits */
        SYS_CALL_4(__NR_ptrace, PTRACE_CONT, pid, 0, 0);
    else if (sys_has_stopped(status))
        trace_release_stranger((int)pid);
    else if (pid == slot->cell.program_pid)
        slot->cell.program_pid = -1;
    else if (pid == slot->cell.init_pid)
        slot->cell.init_pid = -1;
    else if (pid == slot->seat_pid) {
        slot->seat_pid = -1;
        slot->is_retired = 1;
    }
}

/* Without a pid namespace no single death ends all processes of the run: kills and reaps until none is
 * left. */
static void reap_plain(struct slot *slot) {
    for (;;) {
        int status = 0;
        long pid = SYS_CALL_4(__NR_wait4, -1, &status, WNOHANG | __WALL, 0);
        if (pid > 0) {
            reap_one(slot, pid, status);
            continue;
        }
        if (!processes_exist(slot))
            break;
        plain_kill(slot);
        sys_sleep_ns(200000);
    }
    slot->cell.program_pid = -1;
}

void cell_reap(struct slot *slot) {
    if (!has_feature(slot, ISOLATE_FEATURE_NAMESPACES)) {
        reap_plain(slot);
        return;
    }
    while (slot->cell.init_pid > 0 || slot->cell.program_pid > 0) {
        int status = 0;
        /* Waits for any child: a program may have given the slot children with CLONE_PARENT, and init's own
         * exit waits until every process of its pid namespace is reaped. */
        long pid = SYS_CALL_4(__NR_wait4, -1, &status, __WALL, 0);
        if (pid == -EINTR)
            continue;
        if (pid < 0)
            break;
        reap_one(slot, pid, status);
    }
}

void cell_destroy(struct slot *slot) {
    /* Init's death kills every process of its pid namespace. Without one, the kill needs a further process,
     * and after most runs no process is left to kill. */
    if (has_feature(slot, ISOLATE_FEATURE_NAMESPACES) || slot->cell.program_pid > 0 || processes_exist(slot))
        cell_kill(slot);
    cell_reap(slot);
    slot->cell.init_pid = slot->cell.program_pid = -1;
    sys_close_fd(&slot->cell.channel);
    sys_close_fd(&slot->cell.listener);
    sys_close_fd(&slot->cell.status);
    sys_close_fd(&slot->cell.namespaces[CELL_MOUNT]);
}
