/* The agent's slot: starts it, and exchanges records with it through its sockets. Its records become frames;
 * the end of a run is held back until the run's output is sent. */
#include "agent/agent_slot.h"

#include <linux/prctl.h>

#include "accounting/cgroup.h"
#include "accounting/container_use.h"
#include "agent/agent_stream.h"
#include "credentials.h"
#include "failure.h"
#include "process/slot.h"
#include "slot_state.h"
#include "sys.h"

enum { SLOT_NUMBER = 1 };

static struct slot slot = {
    .number = SLOT_NUMBER, .control = -1, .request = -1, .sync = -1, .image = -1, .devices = -1};
static int control = -1, request = -1;
static uint64_t kept_bytes; /* memory that the slot's kept files take, as it last said */

static int is_ending; /* the run's processes are dead, and its output is being sent */
static struct isolate_run_record ended;

/* ---- start ---- */

/* With a writable root the program is uid 0, so that it owns the image's files, and the agent takes another
 * uid, which the program can neither signal nor trace. Safe: the agent keeps only capabilities that it
 * had. */
static int become(const struct isolate_config *config, uint32_t uid) {
    if (uid == (uint32_t)SYS_CALL_0(__NR_getuid))
        return 0;
    /* Keeps the capabilities, so that they can be put into effect again afterwards. */
    long result = sys_prctl(PR_SET_KEEPCAPS, 1);
    if (result == 0)
        result = SYS_CALL_3(__NR_setresgid, uid, uid, uid);
    if (result == 0)
        result = SYS_CALL_3(__NR_setresuid, uid, uid, uid);
    credentials_act_as_slot(&slot);
    credentials_hide(config);
    return (int)result;
}

struct isolate_failure agent_slot_start(const struct isolate_config *config) {
    int type = SYS_SOCK_SEQPACKET | SYS_SOCK_CLOEXEC, pairs[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
    struct isolate_failure failure = cgroup_setup(config);
    struct isolate_status_record first;
    int pidfd = -1, none = -1;
    slot.config = config;
    slot.host =
        (struct identity){config->slot_uid, config->slot_uid, config->program_uid, config->program_uid};
    slot.uid = slot.gid = config->program_uid;
    /* Without these files nothing accounts for a run, and only the engine's limits would apply. */
    if (failure.stage == 0)
        failure = cgroup_create(config, SLOT_NUMBER, 0, &slot.cgroup);
    if (failure.stage != 0)
        return failure;
    slot.has_cgroup = 1;
    int result = become(config, slot.host.slot_uid);
    if (result < 0)
        return failure_at(ISOLATE_STAGE_CREDENTIALS, result, ISOLATE_DETAIL_CREDENTIALS_SLOT);
    for (int i = 0; i < 3 && result == 0; i++)
        result = (int)SYS_CALL_4(__NR_socketpair, SYS_AF_UNIX, type, 0, pairs[i]);
    if (result < 0)
        return failure_at(ISOLATE_STAGE_CLONE_SLOT, result, ISOLATE_DETAIL_CLONE_SLOT_PROCESS);
    slot.control = pairs[0][1];
    slot.request = pairs[1][1];
    slot.sync = pairs[2][1];
    control = pairs[0][0];
    request = pairs[1][0];
    slot_start(&slot, pairs[2][0], &pidfd, &failure);
    sys_close_fd(&slot.control); /* so that the slot's death is an end of file */
    sys_close_fd(&slot.request);
    sys_close_fd(&pairs[2][0]);
    if (failure.stage != 0)
        return failure;
    agent_slot_wait(&first, &none);
    return first.failure;
}

uint32_t agent_slot_cgroup_kind(void) {
    return slot.cgroup.kind;
}

/* ---- records ---- */

int agent_slot_socket(void) {
    return control;
}

int agent_slot_tell(const void *record, size_t bytes) {
    return agent_slot_tell_with(record, bytes, -1);
}

int agent_slot_tell_with(const void *record, size_t bytes, int fd) {
    return sys_send_blocking(control, record, bytes, &fd, fd >= 0 ? 1 : 0);
}

int agent_slot_run(const struct isolate_run_header *header, size_t bytes, const int *fds, unsigned fd_count) {
    return sys_send(request, header, bytes, fds, fd_count);
}

int agent_slot_receive(struct isolate_status_record *status, int *fd, int flags) {
    union {
        uint32_t type;
        struct isolate_status_record status;
        struct isolate_run_record run;
    } record;
    sys_result n = sys_receive(control, &record, sizeof record, fd, 1, flags);
    if (n == -EAGAIN)
        return 0;
    if (n <= 0)
        stream_leave(EXIT_SLOT);
    if (n == sizeof record.run && record.type == ISOLATE_RUN_ENDED) {
        ended = record.run;
        is_ending = 1;
        return 0;
    }
    if (n != sizeof record.status)
        stream_leave(EXIT_SLOT);
    *status = record.status;
    return 1;
}

void agent_slot_wait(struct isolate_status_record *status, int *fd) {
    while (!agent_slot_receive(status, fd, 0)) {
    }
}

void agent_slot_answer(const struct isolate_status_record *record) {
    struct isolate_agent_status status = {.status = *record};
    status.held_bytes = agent_slot_held();
    stream_send(ISOLATE_FRAME_STATUS, &status, sizeof status);
}

/* ---- the end of a run ---- */

const struct isolate_run_record *agent_slot_ended_run(void) {
    return is_ending ? &ended : 0;
}

void agent_slot_end_run(const struct isolate_run_record *record) {
    ended = *record;
    is_ending = 1;
}

void agent_slot_forget_run(void) {
    is_ending = 0;
}

/* ---- its disk ---- */

void agent_slot_set_disk(uint64_t bytes) {
    slot.disk_bytes = bytes;
}

void agent_slot_note_kept(uint64_t bytes) {
    kept_bytes = bytes;
}

uint64_t agent_slot_held(void) {
    return container_held(&slot) + kept_bytes;
}

int agent_slot_has_room(uint64_t bytes) {
    return container_has_room(&slot, bytes);
}
