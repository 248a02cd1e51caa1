/*
 * The agent: the first process of a container, and the embedder's only way in.
 *
 * It makes one slot, which does what slots do, and carries between it and the stream that the engine attached
 * to our stdin and stdout: records become frames, descriptors become bytes. It reads nothing that a program
 * wrote but the two pipes, whose bytes it passes on uncounted upon. The embedder's end of the stream is its
 * life: at the end of file it leaves, and as pid 1 it takes everything along. It leaves, too, when its slot
 * dies; the container is then replaced.
 *
 * What it is given, SETUID, SETGID and KILL, is used by the slot to start, look at and kill programs of
 * another user. It cannot be traced, and its descriptors are nobody else's.
 */
#include "agent/agent.h"

#include <asm/stat.h>
#include <linux/landlock.h>
#include <linux/prctl.h>

#include "accounting/cgroup.h"
#include "agent/agent_facts.h"
#include "agent/agent_file.h"
#include "agent/agent_run.h"
#include "agent/agent_stream.h"
#include "credentials.h"
#include "failure.h"
#include "process/slot.h"
#include "slot_state.h"
#include "sys.h"
#include "tree/container.h"

enum { SLOT_NUMBER = 1 };

static union {
    struct isolate_config config;
    uint8_t bytes[ISOLATE_FRAME_MAX];
} setup;

static struct slot slot = {
    .number = SLOT_NUMBER, .control = -1, .request = -1, .sync = -1, .image = -1, .devices = -1};
static int control = -1, request = -1;

/* A request whose content is still under way. */
static struct {
    struct {
        struct isolate_agent_run run;
        char strings[ISOLATE_INLINE_MAX];
    } request;
    uint32_t request_bytes;
    int strings_file, input_file;
    uint64_t strings_left, input_left;
    int is_pending, is_dropped; /* dropped: it was ended before all of it had come */
} next = {.strings_file = -1, .input_file = -1};

static int is_ending; /* the run's processes are dead, and its output is on its way */
static struct isolate_run_record ended;

void agent_leave(int code) {
    stream_flush();
    sys_exit(code);
}

void agent_send_status(const struct isolate_status_record *record) {
    struct isolate_agent_status status = {.status = *record};
    status.held_bytes = container_held(&slot);
    stream_send(ISOLATE_FRAME_STATUS, &status, sizeof status);
}

/* ---- the slot's side ---- */

/* A record of the slot's; its death is our end. The end of a run waits until its output has left. */
static int receive_record(struct isolate_status_record *status, int *fd, int flags) {
    union {
        uint32_t type;
        struct isolate_status_record status;
        struct isolate_run_record run;
    } record;
    sys_result n = sys_receive(control, &record, sizeof record, fd, 1, flags);
    if (n == -EAGAIN)
        return 0;
    if (n <= 0)
        agent_leave(EXIT_SLOT);
    if (n == sizeof record.run && record.type == ISOLATE_RUN_ENDED) {
        ended = record.run;
        is_ending = 1;
        return 0;
    }
    if (n != sizeof record.status)
        agent_leave(EXIT_SLOT);
    *status = record.status;
    return 1;
}

void agent_wait_for_status(struct isolate_status_record *status, int *fd) {
    while (!receive_record(status, fd, 0)) {
    }
}

static void tell_slot(uint32_t type, uint32_t end, uint64_t serial) {
    struct isolate_prepare_record record = {.type = type, .end = end, .serial = serial};
    if (sys_send_blocking(control, &record, sizeof record, 0, 0) < 0)
        agent_leave(EXIT_SLOT);
}

static void finish_run(void) {
    if (!run_drain())
        return; /* the embedder is slow: what it has not taken is still in the pipes */
    struct isolate_agent_ended frame = {
        .record = ended, .exceeded = run_exceeded(), .held_bytes = container_held(&slot)};
    stream_send(ISOLATE_FRAME_ENDED, &frame, sizeof frame);
    run_close();
    is_ending = 0;
}

/* ---- runs ---- */

static void report_unstarted(int stage, int result) {
    memset(&ended, 0, sizeof ended);
    ended.type = ISOLATE_RUN_ENDED;
    ended.end = ISOLATE_END_FAILURE;
    ended.serial = next.request.run.run.serial;
    ended.failure = failure_at(stage, result, 0);
    is_ending = 1;
}

static int sealed(int fd) {
    if (fd >= 0) {
        SYS_CALL_3(__NR_lseek, fd, 0, 0);
        SYS_CALL_3(__NR_fcntl, fd, 1033 /* F_ADD_SEALS */, 0xf);
    }
    return fd;
}

static void drop(void) {
    sys_close_fd(&next.input_file);
    sys_close_fd(&next.strings_file);
    next.is_pending = 0;
}

static void launch(void) {
    if (next.is_dropped) {
        drop();
        return;
    }
    int fds[4] = {-1, -1, -1, -1};
    struct isolate_run_header *header = &next.request.run.run;
    int result = run_open(&next.request.run, sealed(next.input_file), fds);
    fds[3] = sealed(next.strings_file);
    header->type = ISOLATE_RUN;
    uint64_t content = next.request.run.input_bytes + (fds[3] >= 0 ? header->string_bytes : 0);
    header->content_kib = (uint32_t)((content + 1023) >> 10);
    header->flags &= ~(uint32_t)ISOLATE_RUN_STRINGS_IN_FILE;
    if (fds[3] >= 0)
        header->flags |= ISOLATE_RUN_STRINGS_IN_FILE;
    uint32_t bytes = next.request_bytes - (uint32_t)offsetof(struct isolate_agent_run, run);
    if (result == 0)
        result = sys_send(request, header, bytes, fds, fds[3] >= 0 ? 4 : 3);
    for (int i = 0; i < 3; i++)
        sys_close_fd(&fds[i]);
    drop();
    if (result < 0)
        report_unstarted(ISOLATE_STAGE_REQUEST, result);
}

static int memory_file(void) {
    return (int)SYS_CALL_2(__NR_memfd_create, "input", 3 /* MFD_CLOEXEC, MFD_ALLOW_SEALING */);
}

static void begin_run(const uint8_t *payload, uint32_t bytes) {
    if (bytes < sizeof next.request.run || bytes > sizeof next.request || next.is_pending ||
        file_is_writing())
        agent_leave(EXIT_PROTOCOL);
    memcpy(&next.request, payload, bytes);
    next.request_bytes = bytes;
    next.is_pending = 1;
    next.is_dropped = 0;
    next.strings_left = next.request.run.strings_follow ? next.request.run.run.string_bytes : 0;
    next.input_left = next.request.run.input_bytes;
    if (next.strings_left > 0)
        next.strings_file = memory_file();
    if (next.input_left > 0)
        next.input_file = memory_file();
    if (next.strings_left + next.input_left == 0)
        launch();
}

static void add_content(const uint8_t *bytes, uint32_t count) {
    while (count > 0) {
        int is_strings = next.strings_left > 0;
        uint64_t *left = is_strings ? &next.strings_left : &next.input_left;
        uint32_t part = count < *left ? count : (uint32_t)*left;
        if (part == 0)
            agent_leave(EXIT_PROTOCOL);
        for (uint32_t done = 0; done < part;) {
            long n = sys_write(is_strings ? next.strings_file : next.input_file, bytes + done, part - done);
            if (n <= 0 && n != -EINTR)
                agent_leave(EXIT_SLOT); /* no memory: the embedder makes room before it sends */
            done += n > 0 ? (uint32_t)n : 0;
        }
        *left -= part;
        bytes += part;
        count -= part;
    }
    if (next.strings_left + next.input_left == 0)
        launch();
}

/* ---- frames ---- */

static void forward_control(const uint8_t *payload, uint32_t bytes) {
    struct isolate_prepare_record record;
    if (bytes != sizeof record)
        agent_leave(EXIT_PROTOCOL);
    memcpy(&record, payload, sizeof record);
    if (record.type == ISOLATE_PREPARE || record.type == ISOLATE_SET_DISK)
        slot.disk_bytes = record.disk_bytes; /* ours is a copy, and we write files */
    next.is_dropped |=
        next.is_pending && record.type == ISOLATE_END_RUN && record.serial == next.request.run.run.serial;
    if (sys_send_blocking(control, &record, sizeof record, 0, 0) < 0)
        agent_leave(EXIT_SLOT);
}

static void handle_frame(const struct isolate_frame *frame, const uint8_t *payload) {
    struct isolate_agent_credit credit;
    switch (frame->type) {
    case ISOLATE_FRAME_CONTROL:
        forward_control(payload, frame->bytes);
        break;
    case ISOLATE_FRAME_OPEN:
        file_open(&slot, control, payload, frame->bytes);
        break;
    case ISOLATE_FRAME_RUN:
        begin_run(payload, frame->bytes);
        break;
    case ISOLATE_FRAME_CONTENT:
        if (file_is_writing())
            file_content(payload, frame->bytes);
        else
            add_content(payload, frame->bytes);
        break;
    case ISOLATE_FRAME_INPUT:
        run_input(payload, frame->bytes);
        break;
    case ISOLATE_FRAME_CREDIT:
        if (frame->bytes != sizeof credit)
            agent_leave(EXIT_PROTOCOL);
        memcpy(&credit, payload, sizeof credit);
        run_credit(credit.stream, credit.bytes);
        break;
    default:
        agent_leave(EXIT_PROTOCOL);
    }
}

static void __attribute__((noreturn)) serve(void) {
    for (;;) {
        struct sys_pollfd fds[6];
        unsigned count = 0, streams;
        fds[count++] = (struct sys_pollfd){stream_in(), SYS_POLLIN, 0};
        fds[count++] = (struct sys_pollfd){control, SYS_POLLIN, 0};
        fds[count++] = (struct sys_pollfd){stream_has_output() ? stream_out() : -1, SYS_POLLOUT, 0};
        streams = run_poll(fds + count);
        /* What waited for room in the buffer has it when the buffer has left whole; nothing else would say
         * so. */
        int is_more = (is_ending || file_is_reading()) && !stream_has_output();
        if (sys_poll(fds, count + streams, is_more ? 0 : -1) < 0)
            continue;
        if (fds[0].revents != 0) {
            const struct isolate_frame *frame;
            const uint8_t *payload;
            stream_fill();
            while ((frame = stream_next(&payload)) != 0)
                handle_frame(frame, payload);
        }
        if (fds[1].revents != 0) {
            struct isolate_status_record status;
            int CLEANUP_CLOSE fd = -1;
            if (receive_record(&status, &fd, SYS_MSG_DONTWAIT))
                agent_send_status(&status);
        }
        if (fds[2].revents != 0)
            stream_flush();
        int has_moves = 0;
        for (unsigned i = count; i < count + streams; i++)
            has_moves |= fds[i].revents != 0;
        if (!is_ending && has_moves && run_move())
            tell_slot(ISOLATE_END_RUN, ISOLATE_END_OUTPUT, next.request.run.run.serial);
        if (is_ending)
            finish_run();
        file_move();
        stream_flush();
        if (!next.is_pending && !is_ending)
            run_make_ready();
    }
}

/* ---- the beginning ---- */

/* With a writable root the program is uid 0, so that the image's files are its own, and we are somebody else
 * whom it can neither signal nor trace. Safe: the capabilities that stay are those we had. */
static int become(const struct isolate_config *config, uint32_t uid) {
    if (uid == (uint32_t)SYS_CALL_0(__NR_getuid))
        return 0;
    /* So that the capabilities are in effect again afterwards. */
    long result = sys_prctl(PR_SET_KEEPCAPS, 1);
    if (result == 0)
        result = SYS_CALL_3(__NR_setresgid, uid, uid, uid);
    if (result == 0)
        result = SYS_CALL_3(__NR_setresuid, uid, uid, uid);
    credentials_act_as_slot(&slot);
    credentials_hide(config);
    return (int)result;
}

static struct isolate_failure start(void) {
    int type = SYS_SOCK_SEQPACKET | SYS_SOCK_CLOEXEC, pairs[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
    struct isolate_failure failure = cgroup_setup(&setup.config);
    struct isolate_status_record first;
    int pidfd = -1, none = -1;
    /* Without its files there is no accounting, and the engine's limits would be all there is. */
    if (failure.stage == 0)
        failure = cgroup_create(&setup.config, SLOT_NUMBER, 0, &slot.cgroup);
    if (failure.stage != 0)
        return failure;
    slot.has_cgroup = 1;
    int result = become(&setup.config, slot.host.slot_uid);
    if (result < 0)
        return failure_at(ISOLATE_STAGE_CREDENTIALS, result, 0);
    for (int i = 0; i < 3 && result == 0; i++)
        result = (int)SYS_CALL_4(__NR_socketpair, SYS_AF_UNIX, type, 0, pairs[i]);
    if (result < 0)
        return failure_at(ISOLATE_STAGE_CLONE_SLOT, result, 0);
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
    agent_wait_for_status(&first, &none);
    return first.failure;
}

/* Nothing of the engine's may come along to a program: what somebody ignored stays ignored across exec. */
static void forget_engine(void) {
    static const uint64_t standard[4]; /* the kernel's struct sigaction, SIG_DFL */
    for (int signal = 1; signal <= 64; signal++)
        SYS_CALL_4(__NR_rt_sigaction, signal, &standard, 0, 8);
    SYS_CALL_1(__NR_umask, 022);
}

void agent_main(void) {
    const uint8_t *payload;
    forget_engine();
    sys_prctl(PR_SET_DUMPABLE, 0);
    sys_prctl(PR_SET_NAME, (unsigned long)"isolate-agent");
    if (stream_open() < 0)
        sys_exit(EXIT_PROTOCOL);
    const struct isolate_frame *frame = stream_wait(&payload);
    if (frame->type != ISOLATE_FRAME_CONFIG || frame->bytes < sizeof setup.config)
        sys_exit(EXIT_PROTOCOL);
    memcpy(setup.bytes, payload, frame->bytes);
    struct isolate_config *config = &setup.config;
    long abi = SYS_CALL_3(__NR_landlock_create_ruleset, 0, 0, LANDLOCK_CREATE_RULESET_VERSION);
    config->landlock_abi = abi > 0 ? (uint32_t)abi : 0;
    uint32_t user = 0;
    int found = agent_find_id(config->slot_uid != 0 ? config->slot_uid : config->program_uid, &user);
    /* One of the two is 0; the other one was no more than a seed. */
    config->slot_uid = config->slot_uid != 0 ? user : 0;
    config->program_uid = config->program_uid != 0 ? user : 0;
    slot.config = config;
    slot.host =
        (struct identity){config->slot_uid, config->slot_uid, config->program_uid, config->program_uid};
    slot.uid = slot.gid = config->program_uid;
    struct isolate_agent_hello hello = {.version = ISOLATE_AGENT_VERSION,
                                        .config_bytes = sizeof *config,
                                        .landlock_abi = config->landlock_abi,
                                        .layers = agent_layers(config),
                                        .failure =
                                            failure_at(found < 0 ? ISOLATE_STAGE_ID_MAP : 0, found, 0)};
    if (found == 0)
        hello.failure = start();
    hello.cgroup_kind = slot.cgroup.kind;
    hello.cgroup_version = cgroup_container_version();
    stream_send(ISOLATE_FRAME_HELLO, &hello, sizeof hello);
    stream_flush();
    if (hello.failure.stage != 0)
        agent_leave(EXIT_SLOT);
    serve();
}
