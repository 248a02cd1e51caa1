/*
 * The seat: a process that sits in the program's cgroup for the life of a slot.
 *
 * Moving a process into a cgroup costs milliseconds after a quiet time, while a child is born in its parent's
 * cgroup at no cost. So the seat enters once, and clones each program's process there. (Where each run has a
 * cgroup of its own, the seat stays outside and clones into it: cgroup_v2.c.) CLONE_PARENT makes the slot the
 * parent, so the seat waits for no child and sleeps during the run. It shares the slot's descriptors.
 */
#include "process/seat.h"

#include <linux/prctl.h>
#include <linux/sched.h>

#include "accounting/cgroup.h"
#include "config.h"
#include "credentials.h"
#include "failure.h"
#include "process/program.h"
#include "slot_state.h"
#include "sys.h"

static void __attribute__((noreturn)) seat_main(struct slot *slot, int socket) {
    struct isolate_status_record reply = {.type = ISOLATE_SEAT_FORKED};
    sys_prctl(PR_SET_NAME, (unsigned long)"seat");
    slot->seat_pid = (int)SYS_CALL_0(__NR_getpid); /* the copied state is from before the clone */
    reply.failure = cgroup_join(slot);
    if (reply.failure.stage == 0) {
        long result = credentials_renounce_root();
        if (result == 0 &&
            !has_feature(slot, ISOLATE_FEATURE_NAMESPACES)) /* elsewhere the slot has done it */
            result = credentials_drop_bounding_set();
        /* Without a user namespace the seat may lack the capability for this, and then also the capabilities
         * to drop. */
        if (result == -EPERM && !has_feature(slot, ISOLATE_FEATURE_NAMESPACES))
            result = 0;
        if (result == 0)
            result = sys_prctl(PR_SET_PDEATHSIG, SYS_SIGKILL);
        if (result < 0)
            reply.failure = failure_at(ISOLATE_STAGE_JOIN_CGROUP, result, ISOLATE_DETAIL_JOIN_CGROUP_RIGHTS);
    }
    if (reply.failure.stage == 0 && stage_is_forced_to_fail(slot->config, ISOLATE_STAGE_JOIN_CGROUP))
        reply.failure = failure_at(ISOLATE_STAGE_JOIN_CGROUP, -EIO, ISOLATE_CGROUP_MEMORY);
    if (sys_send_blocking(socket, &reply, sizeof reply, 0, 0) < 0 || reply.failure.stage != 0)
        sys_exit(1);
    for (;;) {
        struct seat_request request;
        sys_result n = sys_receive(socket, &request, sizeof request, 0, 0, 0);
        if (n <= 0)
            sys_exit(0);
        if (n != sizeof request)
            continue;
        /* Applies to children only: the seat itself stays in its pid namespace. */
        long pid = 0;
        if (has_feature(slot, ISOLATE_FEATURE_NAMESPACES))
            pid = SYS_CALL_2(__NR_setns, request.namespaces[CELL_PID], CLONE_NEWPID);
        if (pid == 0 && stage_is_forced_to_fail(slot->config, ISOLATE_STAGE_CLONE_PROGRAM))
            pid = -EIO;
        request.cgroup.has_namespace = slot->cgroup.has_namespace;
        if (pid == 0)
            pid = sys_clone_into(CLONE_PARENT, 0, request.cgroup.run_dir);
        if (pid == 0) {
            slot->cgroup = request.cgroup;
            slot->work = request.work;
            slot->plain.tmp = request.tmp;
            slot->cell.processes_base = request.processes_base;
            program_main(slot, &request);
        }
        reply.value = (int32_t)pid;
        /* A host without clone3 offers no way into the run's cgroup. */
        int stage = pid == -ENOSYS ? ISOLATE_STAGE_JOIN_CGROUP : ISOLATE_STAGE_CLONE_PROGRAM;
        reply.failure = failure_at(pid < 0 ? stage : 0, pid, 0);
        if (sys_send_blocking(socket, &reply, sizeof reply, 0, 0) < 0)
            sys_exit(0);
    }
}

/* ---- the slot's side ---- */

static int receive_reply(struct slot *slot, struct isolate_status_record *reply) {
    /* The seat shares this slot's descriptors, also the other end of its socket: so its death gives no end of
     * file, and the pidfd reports it. */
    struct sys_pollfd fds[2] = {{slot->seat, SYS_POLLIN, 0}, {slot->seat_pidfd, SYS_POLLIN, 0}};
    while (sys_poll(fds, 2, -1) < 0) {
    }
    if (fds[0].revents != 0 && sys_receive(slot->seat, reply, sizeof *reply, 0, 0, 0) == sizeof *reply)
        return 0;
    slot->is_retired = 1;
    return -EPIPE;
}

struct isolate_failure seat_start(struct slot *slot) {
    int ends[2];
    struct isolate_status_record reply;
    long result = SYS_CALL_4(__NR_socketpair, SYS_AF_UNIX, SYS_SOCK_SEQPACKET | SYS_SOCK_CLOEXEC, 0, ends);
    if (result < 0)
        return failure_at(ISOLATE_STAGE_CLONE_SEAT, result, ISOLATE_DETAIL_CLONE_SEAT_SOCKETS);
    result = sys_clone(CLONE_FILES, &slot->seat_pidfd);
    if (result == 0)
        seat_main(slot, ends[1]);
    if (result < 0)
        return failure_at(ISOLATE_STAGE_CLONE_SEAT, result, ISOLATE_DETAIL_CLONE_SEAT_PROCESS);
    slot->seat_pid = (int)result;
    slot->seat = ends[0]; /* the other end stays open too: the seat shares the descriptors */
    result = receive_reply(slot, &reply);
    return result < 0 ? failure_at(ISOLATE_STAGE_CLONE_SEAT, result, ISOLATE_DETAIL_CLONE_SEAT_ANSWER)
                      : reply.failure;
}

int seat_fork(struct slot *slot, int channel, struct isolate_status_record *reply) {
    struct seat_request request = {.type = ISOLATE_SEAT_FORK,
                                   .channel = channel,
                                   .cgroup = slot->cgroup,
                                   .work = slot->work,
                                   .tmp = slot->plain.tmp,
                                   .processes_base = slot->cell.processes_base};
    for (int i = 0; i < CELL_NAMESPACES; i++)
        request.namespaces[i] = slot->cell.namespaces[i];
    int result = sys_send(slot->seat, &request, sizeof request, 0, 0);
    return result < 0 ? result : receive_reply(slot, reply);
}
