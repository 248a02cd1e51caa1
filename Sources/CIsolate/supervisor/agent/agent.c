/*
 * The agent: the first process of a container. The embedder reaches the container only through it.
 *
 * It makes one slot, which serves as in a local backend, and translates between the slot and the stream that
 * the engine attached to its stdin and stdout: records become frames, descriptors become bytes. Of a
 * program's output it reads only the two pipes, and passes their bytes on without interpreting them. The
 * agent lives as long as the embedder's end of the stream: at the end of file it exits, and with pid 1
 * everything in the container ends. It also exits when its slot dies; the backend then replaces the
 * container.
 *
 * The slot uses the agent's capabilities, SETUID, SETGID and KILL, to start, inspect and kill programs of
 * another user. No program can trace the agent or share its descriptors.
 */
#include "agent/agent.h"

#include <linux/landlock.h>
#include <linux/prctl.h>

#include "accounting/cgroup.h"
#include "agent/agent_binds.h"
#include "agent/agent_facts.h"
#include "agent/agent_file.h"
#include "agent/agent_run.h"
#include "agent/agent_slot.h"
#include "agent/agent_stream.h"
#include "failure.h"
#include "sys.h"

static union {
    struct isolate_config config;
    uint8_t bytes[ISOLATE_FRAME_MAX];
} setup;

/* A request whose content has not arrived completely. */
static struct {
    struct {
        struct isolate_agent_run run;
        char strings[ISOLATE_INLINE_MAX];
    } request;
    uint32_t request_bytes;
    int strings_file, input_file;
    uint64_t strings_left, input_left;
    int is_pending, is_dropped; /* dropped: the embedder ended it before its content was complete */
} next = {.strings_file = -1, .input_file = -1};

static void tell_slot(uint32_t type, uint32_t end, uint64_t serial) {
    struct isolate_prepare_record record = {.type = type, .end = end, .serial = serial};
    if (agent_slot_tell(&record, sizeof record) < 0)
        stream_leave(EXIT_SLOT);
}

static void finish_run(const struct isolate_run_record *ended) {
    if (!agent_run_drain())
        return; /* the embedder reads slowly; the rest of the output is still in the pipes */
    struct isolate_agent_ended frame = {
        .record = *ended, .exceeded = agent_run_exceeded(), .held_bytes = agent_slot_held()};
    stream_send(ISOLATE_FRAME_ENDED, &frame, sizeof frame);
    agent_run_close();
    agent_slot_forget_run();
}

/* ---- runs ---- */

static void report_unstarted(int result) {
    struct isolate_run_record record;
    memset(&record, 0, sizeof record);
    record.type = ISOLATE_RUN_ENDED;
    record.end = ISOLATE_END_FAILURE;
    record.serial = next.request.run.run.serial;
    record.failure = failure_at(ISOLATE_STAGE_REQUEST, result, ISOLATE_DETAIL_REQUEST_SEND);
    agent_slot_end_run(&record);
}

/* Seals the files with content; both are complete. */
static int seal_content(void) {
    int result = next.input_file < 0 ? 0 : sys_seal(next.input_file);
    return result < 0 || next.strings_file < 0 ? result : sys_seal(next.strings_file);
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
    int result = seal_content();
    if (result == 0)
        result = agent_run_open(&next.request.run, next.input_file, fds);
    fds[3] = next.strings_file;
    header->type = ISOLATE_RUN;
    /* Counted here, where no file is being written: by the time the program's process begins, one may be. */
    uint64_t held =
        next.request.run.input_bytes + (fds[3] >= 0 ? header->string_bytes : 0) + agent_slot_held();
    header->held_kib = (uint32_t)((held + 1023) >> 10);
    header->flags &= ~(uint32_t)ISOLATE_RUN_STRINGS_IN_FILE;
    if (fds[3] >= 0)
        header->flags |= ISOLATE_RUN_STRINGS_IN_FILE;
    uint32_t bytes = next.request_bytes - (uint32_t)offsetof(struct isolate_agent_run, run);
    if (result == 0)
        result = agent_slot_run(header, bytes, fds, fds[3] >= 0 ? 4 : 3);
    for (int i = 0; i < 3; i++)
        sys_close_fd(&fds[i]);
    drop();
    if (result < 0)
        report_unstarted(result);
}

static void begin_run(const uint8_t *payload, uint32_t bytes) {
    if (bytes < sizeof next.request.run || bytes > sizeof next.request || next.is_pending ||
        agent_file_is_writing())
        stream_leave(EXIT_PROTOCOL);
    memcpy(&next.request, payload, bytes);
    next.request_bytes = bytes;
    next.is_pending = 1;
    next.is_dropped = 0;
    next.strings_left = next.request.run.strings_follow ? next.request.run.run.string_bytes : 0;
    next.input_left = next.request.run.input_bytes;
    if (next.strings_left > 0)
        next.strings_file = sys_memory_file("input");
    if (next.input_left > 0)
        next.input_file = sys_memory_file("input");
    if (next.strings_left + next.input_left == 0)
        launch();
}

static void add_content(const uint8_t *bytes, uint32_t count) {
    while (count > 0) {
        int is_strings = next.strings_left > 0;
        uint64_t *left = is_strings ? &next.strings_left : &next.input_left;
        uint32_t part = count < *left ? count : (uint32_t)*left;
        if (part == 0)
            stream_leave(EXIT_PROTOCOL);
        for (uint32_t done = 0; done < part;) {
            long n = sys_write(is_strings ? next.strings_file : next.input_file, bytes + done, part - done);
            if (n <= 0 && n != -EINTR)
                /* No memory: the embedder raises the limit before it sends content. */
                stream_leave(EXIT_SLOT);
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
        stream_leave(EXIT_PROTOCOL);
    memcpy(&record, payload, sizeof record);
    if (record.type == ISOLATE_PREPARE || record.type == ISOLATE_SET_DISK)
        agent_slot_set_disk(record.disk_bytes);
    next.is_dropped |=
        next.is_pending && record.type == ISOLATE_END_RUN && record.serial == next.request.run.run.serial;
    if (agent_slot_tell(&record, sizeof record) < 0)
        stream_leave(EXIT_SLOT);
}

static void handle_frame(const struct isolate_frame *frame, const uint8_t *payload) {
    struct isolate_agent_credit credit;
    switch (frame->type) {
    case ISOLATE_FRAME_CONTROL:
        forward_control(payload, frame->bytes);
        break;
    case ISOLATE_FRAME_OPEN:
        agent_file_open(payload, frame->bytes);
        break;
    case ISOLATE_FRAME_RUN:
        begin_run(payload, frame->bytes);
        break;
    case ISOLATE_FRAME_CONTENT:
        if (agent_file_is_writing())
            agent_file_content(payload, frame->bytes);
        else
            add_content(payload, frame->bytes);
        break;
    case ISOLATE_FRAME_INPUT:
        agent_run_input(payload, frame->bytes);
        break;
    case ISOLATE_FRAME_CREDIT:
        if (frame->bytes != sizeof credit)
            stream_leave(EXIT_PROTOCOL);
        memcpy(&credit, payload, sizeof credit);
        agent_run_credit(credit.stream, credit.bytes);
        break;
    default:
        stream_leave(EXIT_PROTOCOL);
    }
}

static void __attribute__((noreturn)) serve(void) {
    for (;;) {
        struct sys_pollfd fds[6];
        unsigned count = 0, streams;
        fds[count++] = (struct sys_pollfd){stream_in(), SYS_POLLIN, 0};
        fds[count++] = (struct sys_pollfd){agent_slot_socket(), SYS_POLLIN, 0};
        fds[count++] = (struct sys_pollfd){stream_has_output() ? stream_out() : -1, SYS_POLLOUT, 0};
        streams = agent_run_poll(fds + count);
        /* Output and files that waited for room can continue once the buffer is empty; no descriptor reports
         * that. */
        int is_more = (agent_slot_ended_run() != 0 || agent_file_is_reading()) && !stream_has_output();
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
            if (agent_slot_receive(&status, &fd, SYS_MSG_DONTWAIT))
                agent_slot_answer(&status);
        }
        if (fds[2].revents != 0)
            stream_flush();
        int has_moves = 0;
        for (unsigned i = count; i < count + streams; i++)
            has_moves |= fds[i].revents != 0;
        if (agent_slot_ended_run() == 0 && has_moves && agent_run_move())
            tell_slot(ISOLATE_END_RUN, ISOLATE_END_OUTPUT, next.request.run.run.serial);
        const struct isolate_run_record *ended = agent_slot_ended_run();
        if (ended != 0)
            finish_run(ended);
        agent_file_move();
        stream_flush();
        if (!next.is_pending && agent_slot_ended_run() == 0)
            agent_run_make_ready();
    }
}

/* ---- the beginning ---- */

/* Resets what the engine may have set: a program would inherit ignored signals across exec. */
static void forget_engine(void) {
    static const uint64_t standard[4]; /* the kernel's struct sigaction, SIG_DFL */
    for (int signal = 1; signal <= SYS_SIGNALS; signal++)
        SYS_CALL_4(__NR_rt_sigaction, signal, &standard, 0, SYS_SIGNAL_SET_BYTES);
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
    /* One of the two is 0; the other was only the seed for `user`. */
    config->slot_uid = config->slot_uid != 0 ? user : 0;
    config->program_uid = config->program_uid != 0 ? user : 0;
    struct isolate_agent_hello hello = {
        .version = ISOLATE_AGENT_VERSION,
        .config_bytes = sizeof *config,
        .landlock_abi = config->landlock_abi,
        .layers = agent_layers(config),
        .failure = failure_at(found < 0 ? ISOLATE_STAGE_ID_MAP : 0, found, ISOLATE_DETAIL_ID_MAP_OUTSIDE)};
    if (hello.failure.stage == 0)
        hello.failure = agent_check_binds(config);
    if (hello.failure.stage == 0)
        hello.failure = agent_slot_start(config);
    hello.cgroup_kind = agent_slot_cgroup_kind();
    hello.cgroup_version = cgroup_container_version();
    stream_send(ISOLATE_FRAME_HELLO, &hello, sizeof hello);
    stream_flush();
    if (hello.failure.stage != 0)
        stream_leave(EXIT_SLOT);
    serve();
}
