/* Hostile records: from a slot to the embedder, and from a defective embedder to a slot. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "internal.h"
#include "leaks.h"
#include "support.h"
#include "test.h"

enum { FDS_MOST = 12 };

/* One record with this many descriptors. */
static int send_bytes(int socket, const void *bytes, size_t size, int fd_count) {
    union {
        char bytes[CMSG_SPACE(FDS_MOST * sizeof(int))];
        struct cmsghdr aligned;
    } control = {.bytes = {0}};
    struct iovec vector = {(void *)(uintptr_t)bytes, size};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    int fds[FDS_MOST], null_device = open("/dev/null", O_RDWR | O_CLOEXEC);
    CHECK_OK(null_device);
    if (fd_count > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE((size_t)fd_count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN((size_t)fd_count * sizeof(int));
        for (int i = 0; i < fd_count; i++)
            fds[i] = null_device;
        memcpy(CMSG_DATA(header), fds, (size_t)fd_count * sizeof(int));
    }
    ssize_t n = sendmsg(socket, &message, MSG_NOSIGNAL);
    close(null_device);
    return n < 0 ? -errno : 0;
}

/* What a fake slot sends, and the receiver's result: 1 for a record, or the error. */
static const struct {
    const char *name;
    uint32_t type;
    size_t size;
    int fd_count;
    int result;
} from_slot[] = {
    {"a status", ISOLATE_PREPARED, sizeof(isolate_status_record), 0, 1},
    {"a status with a descriptor", ISOLATE_FILE_OPENED, sizeof(isolate_status_record), 1, 1},
    {"a status with four descriptors", ISOLATE_FILE_OPENED, sizeof(isolate_status_record), 4, 1},
    {"a status with twelve descriptors", ISOLATE_FILE_OPENED, sizeof(isolate_status_record), 12, 1},
    {"a run's end", ISOLATE_RUN_ENDED, sizeof(isolate_run_record), 0, 1},
    {"a run's end with descriptors", ISOLATE_RUN_ENDED, sizeof(isolate_run_record), 3, 1},
    {"one byte", ISOLATE_PREPARED, 1, 0, -EPROTO},
    {"a type alone", ISOLATE_PREPARED, 4, 1, -EPROTO},
    {"a short status", ISOLATE_PREPARED, sizeof(isolate_status_record) - 1, 2, -EPROTO},
    {"a long status", ISOLATE_PREPARED, sizeof(isolate_status_record) + 1, 2, -EPROTO},
    {"a status that says run", ISOLATE_RUN_ENDED, sizeof(isolate_status_record), 2, -EPROTO},
    {"a run that says status", ISOLATE_PREPARED, sizeof(isolate_run_record), 2, -EPROTO},
    {"a short run's end", ISOLATE_RUN_ENDED, sizeof(isolate_run_record) - 8, 1, -EPROTO},
    {"a file without its descriptor", ISOLATE_FILE_OPENED, sizeof(isolate_status_record), 0, 1},
    {"a long run's end", ISOLATE_RUN_ENDED, sizeof(isolate_run_record) + 8, 1, -EPROTO},
    {"a huge record", 0x7fffffff, 60000, 12, -EPROTO},
    {"an empty record with descriptors", 0, 0, 4, -EPIPE},
};

TEST(records_from_a_hostile_slot) {
    for (size_t i = 0; i < sizeof from_slot / sizeof from_slot[0]; i++) {
        isolate_slot_message *message = malloc(sizeof *message); /* with ASan's redzone right after it */
        int ends[2], fd = -7, before = descriptor_count();
        char *bytes = calloc(1, from_slot[i].size + 4);
        test_context("%s", from_slot[i].name);
        CHECK_OK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
        memcpy(bytes, &from_slot[i].type, 4);
        CHECK_EQUAL(isolate_slot_receive(ends[0], message, &fd), 0);
        CHECK_EQUAL(fd, -1);
        CHECK_OK(send_bytes(ends[1], bytes, from_slot[i].size, from_slot[i].fd_count));
        CHECK_EQUAL(isolate_slot_receive(ends[0], message, &fd), from_slot[i].result);
        /* When a record has too many descriptors for the receiver's buffer, it takes none. */
        if (from_slot[i].result == 1 && from_slot[i].fd_count > 0 && from_slot[i].fd_count <= 4) {
            CHECK(fd >= 0);
            CHECK_EQUAL(fcntl(fd, F_GETFD), FD_CLOEXEC);
            close(fd);
        } else {
            CHECK_EQUAL(fd, -1);
        }
        close(ends[1]);
        CHECK_EQUAL(isolate_slot_receive(ends[0], message, &fd), -EPIPE);
        close(ends[0]);
        CHECK_EQUAL(descriptor_count(), before);
        free(bytes);
        free(message);
    }
}

/* An embedder with room for few descriptors: a record has all of its descriptors or none, and then reports
 * why. */
TEST(records_without_room_for_their_descriptors) {
    for (unsigned room = 0; room <= 2; room++) {
        isolate_slot_record made = {.type = ISOLATE_SLOT_CREATED, .slot = 3}, record;
        isolate_slot_message message;
        isolate_status_record opened = {.type = ISOLATE_FILE_OPENED};
        struct rlimit before, lower;
        int ends[2], fds[2], fd;
        test_context("room for %u", room);
        CHECK_OK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
        isolate_supervisor supervisor = {.socket = ends[0], .pidfd = -1, .owner = getpid()};
        CHECK_OK(send_bytes(ends[1], &made, sizeof made, 2));
        CHECK_OK(send_bytes(ends[1], &opened, sizeof opened, 1));
        int count = descriptor_count();
        int next = dup(0); /* the lowest free number */
        close(next);
        CHECK_OK(getrlimit(RLIMIT_NOFILE, &before));
        lower = before;
        lower.rlim_cur = (rlim_t)next + room;
        CHECK_OK(setrlimit(RLIMIT_NOFILE, &lower));
        CHECK_EQUAL(isolate_supervisor_receive(&supervisor, &record, fds), 1);
        CHECK_EQUAL(record.slot, 3);
        CHECK_EQUAL(record.failure.errno_value, room >= 2 ? 0 : EMFILE);
        CHECK_EQUAL(fds[0] >= 0 && fds[1] >= 0, room >= 2);
        CHECK_EQUAL(fds[0] == -1 && fds[1] == -1, room < 2);
        close(fds[0]);
        close(fds[1]);
        CHECK_EQUAL(isolate_slot_receive(ends[0], &message, &fd), 1);
        CHECK_EQUAL(message.status.failure.errno_value, room >= 1 ? 0 : EMFILE);
        CHECK_EQUAL(fd >= 0, room >= 1);
        close(fd);
        CHECK_OK(setrlimit(RLIMIT_NOFILE, &before));
        CHECK_EQUAL(descriptor_count(), count);
        close(ends[0]);
        close(ends[1]);
    }
}

TEST(records_from_a_hostile_supervisor) {
    static const struct {
        size_t size;
        int fd_count, result;
    } cases[] = {{sizeof(isolate_slot_record), 0, 1},
                 {sizeof(isolate_slot_record), 2, 1},
                 {sizeof(isolate_slot_record), 4, 1},
                 {sizeof(isolate_slot_record), 12, 1},
                 {sizeof(isolate_slot_record) - 1, 2, -EPROTO},
                 {sizeof(isolate_slot_record) + 1, 2, -EPROTO},
                 {1, 4, -EPROTO},
                 {60000, 12, -EPROTO},
                 {0, 2, -EPIPE}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        isolate_slot_record *record = malloc(sizeof *record);
        int ends[2], fds[2] = {-7, -7}, before = descriptor_count();
        char *bytes = calloc(1, cases[i].size + 1);
        test_context("%zu bytes, %d descriptors", cases[i].size, cases[i].fd_count);
        CHECK_OK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
        isolate_supervisor supervisor = {.socket = ends[0], .pidfd = -1, .owner = getpid()};
        CHECK_OK(send_bytes(ends[1], bytes, cases[i].size, cases[i].fd_count));
        CHECK_EQUAL(isolate_supervisor_receive(&supervisor, record, fds), cases[i].result);
        for (int k = 0; k < 2; k++)
            /* More than any record has: some had no room, so none is taken. */
            if (cases[i].result == 1 && cases[i].fd_count > k && cases[i].fd_count <= 4)
                CHECK_EQUAL(close(fds[k]), 0);
            else
                CHECK_EQUAL(fds[k], -1);
        close(ends[0]);
        close(ends[1]);
        CHECK_EQUAL(descriptor_count(), before);
        free(bytes);
        free(record);
    }
}

/* A blocking call with a slot that sends this three times and exits: an error, and no descriptor stays
 * open. */
static void answer_with(const char *bytes, size_t size, int fd_count, int is_run, int is_good) {
    isolate_supervisor supervisor = {.socket = -1, .pidfd = -1, .owner = getpid()};
    isolate_failure failure = {-1, -1, -1};
    isolate_limits limits = wide_limits();
    isolate_result run;
    char byte;
    size_t read_bytes;
    int control[2], request[2], before = descriptor_count(), result;
    CHECK_OK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control));
    CHECK_OK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, request));
    isolate_sandbox sandbox = {.supervisor = &supervisor,
                               .control = control[0],
                               .request = request[0],
                               .disk_bytes = limits.disk_bytes};
    for (int copy = 0; copy < 3; copy++)
        CHECK_OK(send_bytes(control[1], bytes, size, fd_count));
    CHECK_OK(shutdown(control[1], SHUT_WR));
    if (is_run) {
        result = call_victim(&sandbox, "exit", 0, &limits, &run, &failure);
        CHECK(result == 0 ? run.output != NULL && run.error != NULL
                          : run.output == NULL && run.error == NULL);
        if (result == 0)
            isolate_result_free(&run);
    } else {
        result = isolate_sandbox_read(&sandbox, "x", &byte, 1, &read_bytes, &failure);
    }
    CHECK_EQUAL(result == 0, is_good);
    CHECK_EQUAL(failure.stage == 0, is_good);
    for (int i = 0; i < 2; i++) {
        close(control[i]);
        close(request[i]);
    }
    CHECK_EQUAL(descriptor_count(), before);
}

TEST(records_answered_with_nonsense) {
    for (size_t i = 0; i < sizeof from_slot / sizeof from_slot[0]; i++) {
        size_t size = from_slot[i].size;
        char *bytes = calloc(1, size + 4);
        test_context("%s", from_slot[i].name);
        memcpy(bytes, &from_slot[i].type, 4);
        answer_with(bytes, size, from_slot[i].fd_count, 0,
                    from_slot[i].type == ISOLATE_FILE_OPENED && from_slot[i].fd_count > 0 &&
                        from_slot[i].fd_count <= 4);
        answer_with(bytes, size, from_slot[i].fd_count, 1,
                    from_slot[i].type == ISOLATE_RUN_ENDED && size == sizeof(isolate_run_record));
        free(bytes);
    }
}

/* A failure is one without an errno, too: the call never returns 0 then. */
TEST(records_of_failures_without_an_errno) {
    isolate_status_record status = {.type = ISOLATE_FILE_OPENED,
                                    .failure = {.stage = ISOLATE_STAGE_FILE, .errno_value = 0}};
    isolate_run_record run = {.type = ISOLATE_RUN_ENDED,
                              .end = ISOLATE_END_FAILURE,
                              .failure = {.stage = ISOLATE_STAGE_EXEC, .errno_value = 0}};
    answer_with((const char *)&status, sizeof status, 1, 0, 0);
    answer_with((const char *)&run, sizeof run, 0, 1, 0);
    run.end = 99; /* an end that nobody knows, and no step that failed */
    run.failure.stage = 0;
    answer_with((const char *)&run, sizeof run, 0, 1, 0);
}

/* ---- to a real slot ---- */

static void garbage_on_control(isolate_sandbox *sandbox) {
    struct isolate_file_record file = {.type = ISOLATE_OPEN_FILE, .mode = 12345};
    struct isolate_prepare_record prepare = {
        .end = 0xffffffff, .serial = UINT64_MAX, .disk_bytes = UINT64_MAX};
    char bytes[8192];
    memset(bytes, 0xff, sizeof bytes);
    for (size_t size = 1; size < sizeof bytes; size = size * 3 + 1)
        CHECK_OK(send_bytes(sandbox->control, bytes, size, (int)(size % 5)));
    memset(file.path, 'a', sizeof file.path); /* neither a terminating NUL nor a slash */
    CHECK_OK(send_bytes(sandbox->control, &file, sizeof file, 0));
    CHECK_OK(send_bytes(sandbox->control, &file, sizeof file - 1, 0));
    memset(file.path, '/', sizeof file.path);
    CHECK_OK(send_bytes(sandbox->control, &file, sizeof file, 12));
    memcpy(file.path, "../../../../etc/shadow", 23);
    CHECK_OK(send_bytes(sandbox->control, &file, sizeof file, 0));
    file.path[0] = 0;
    CHECK_OK(send_bytes(sandbox->control, &file, sizeof file, 0));
    for (uint32_t mode = 0; mode < 9; mode++) /* every question, and flags and offsets that none has */
        for (uint32_t flags = 0; flags < 8; flags++) {
            file = (struct isolate_file_record){.type = ISOLATE_OPEN_FILE, .mode = mode, .flags = flags};
            memset(file.path, flags % 2 ? 'a' : '/', sizeof file.path); /* no end: no target of a link */
            file.offset = flags < 4 ? UINT64_MAX : (uint64_t)INT64_MAX;
            CHECK_OK(send_bytes(sandbox->control, &file, sizeof file, (int)(flags % 3)));
            memcpy(file.path, "../x", 5);
            CHECK_OK(send_bytes(sandbox->control, &file, sizeof file, (int)(flags % 3)));
        }
    for (uint32_t type = 0; type < 40; type++) {
        if (type == ISOLATE_CLEAR || type == ISOLATE_END_RUN)
            continue; /* these are valid: they end the sandbox or the run */
        prepare.type = type;
        CHECK_OK(send_bytes(sandbox->control, &prepare, sizeof prepare, 1));
    }
}

/* Receives every answer that arrives within a moment. Returns 0 while the slot lives. */
static int drain_answers(isolate_sandbox *sandbox) {
    for (;;) {
        struct pollfd poll_fd = {.fd = sandbox->control, .events = POLLIN};
        isolate_slot_message message;
        int fd;
        if (poll(&poll_fd, 1, 100) <= 0)
            return 0;
        int result = isolate_slot_receive(sandbox->control, &message, &fd);
        if (fd >= 0)
            close(fd);
        if (result < 0)
            return result;
    }
}

TEST(records_garbage_on_the_control_socket) {
    struct snapshot *before = snapshot_take();
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    start_supervisor(&supervisor);
    open_sandbox(&supervisor, &sandbox);
    garbage_on_control(&sandbox);
    CHECK_EQUAL(drain_answers(&sandbox), 0);
    /* The slot lives, and the sandbox still works. */
    sandbox.disk_bytes = 0; /* garbage changed it: set it again */
    expect_exit(&sandbox, "exit 8", 8);
    isolate_sandbox_close(&sandbox);
    use_supervisor(&supervisor);
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
    snapshot_check(before);
}

/* The same during a run. */
TEST(records_garbage_during_a_run) {
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    start_supervisor(&supervisor);
    open_sandbox(&supervisor, &sandbox);
    write_victim(&sandbox);
    const char strings[] = "/work\0./victim\0./victim\0cat";
    isolate_limits limits = wide_limits();
    int input[2], output[2], error[2];
    limits.wall_ns = 300000000;
    CHECK_OK(isolate_pipe(sandbox.host_uid, 1, input));
    CHECK_OK(isolate_pipe(sandbox.host_uid, 0, output));
    CHECK_OK(isolate_pipe(sandbox.host_uid, 0, error));
    CHECK_OK(isolate_run_send(sandbox.request, 1, &limits, 0, 2, 0, strings, sizeof strings,
                              (int[]){input[0], output[1], error[1]}));
    sleep_ms(50);
    garbage_on_control(&sandbox);
    sleep_ms(300);
    CHECK_EQUAL(drain_answers(&sandbox), 0); /* the run's end is among them */
    sandbox.serial = 1;
    sandbox.disk_bytes = 0;
    expect_exit(&sandbox, "exit 8", 8);
    for (int i = 0; i < 2; i++) {
        close(input[i]);
        close(output[i]);
        close(error[i]);
    }
    isolate_sandbox_close(&sandbox);
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
}

/* Garbage on the supervisor's own socket. */
TEST(records_garbage_to_the_supervisor) {
    isolate_supervisor supervisor;
    char bytes[8192];
    start_supervisor(&supervisor);
    memset(bytes, 0xff, sizeof bytes);
    for (size_t size = 1; size < sizeof bytes; size = size * 3 + 1)
        CHECK_OK(send_bytes(supervisor.socket, bytes, size, (int)(size % 5)));
    for (uint32_t type = 3; type < 40; type++) {
        isolate_slot_record record = {.type = type, .slot = 1};
        CHECK_OK(send_bytes(supervisor.socket, &record, sizeof record, 4));
    }
    CHECK_OK(isolate_slot_destroy(&supervisor, 0));
    CHECK_OK(isolate_slot_destroy(&supervisor, 123456));
    use_supervisor(&supervisor);
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
}

/* A pipe holds the file's first page, as the kernel itself does at times: F_SEAL_WRITE would fail. */
TEST(records_memory_file_is_sealed_while_a_page_is_held) {
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING), ends[2];
    CHECK_OK(fd);
    CHECK_EQUAL(isolate_internal_write_all(fd, "content", 7), 0);
    CHECK_OK(pipe2(ends, O_CLOEXEC));
    off_t from = 0;
    CHECK_EQUAL(splice(fd, &from, ends[1], NULL, 7, 0), 7);
    CHECK_EQUAL(isolate_internal_seal(fd), 0);
    close(ends[0]);
    close(ends[1]);
    close(fd);
}

TEST(records_memory_file_cannot_be_changed) {
    int fd = isolate_memory_file("content", 7);
    CHECK_OK(fd);
    char path[32], text[8] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int again = open(path, O_RDWR | O_CLOEXEC);
    CHECK_OK(again);
    CHECK_EQUAL(write(again, "x", 1), -1);
    CHECK_EQUAL(ftruncate(again, 0), -1);
    CHECK_EQUAL(ftruncate(again, 100), -1);
    CHECK_EQUAL(fallocate(again, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4), -1);
    CHECK(mmap(NULL, 7, PROT_READ | PROT_WRITE, MAP_SHARED, again, 0) == MAP_FAILED);
    void *map = mmap(NULL, 7, PROT_READ, MAP_SHARED, again, 0);
    CHECK(map != MAP_FAILED);
    CHECK_EQUAL(mprotect(map, 7, PROT_READ | PROT_WRITE), -1);
    CHECK_EQUAL(pread(fd, text, sizeof text, 0), 7);
    CHECK_TEXT(text, "content");
    munmap(map, 7);
    close(again);
    close(fd);
}
