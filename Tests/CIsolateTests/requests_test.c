/* Requests to run with false numbers: the program's process reports that, or dies alone; the sandbox
 * continues. */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "leaks.h"
#include "support.h"
#include "test.h"

#define STRINGS "/work\0true\0true" /* the last NUL is the compiler's */
enum { STRING_BYTES = sizeof STRINGS };

struct request {
    const char *name;
    uint32_t type, argc, envc, string_bytes, flags;
    size_t sent_string_bytes;
    int fd_count; /* of /dev/null; the fourth is a memory file of file_bytes */
    size_t file_bytes;
    int cut; /* bytes of the header to leave out */
};

static const struct request requests[] = {
    {"another type", 0, 1, 0, STRING_BYTES, 0, STRING_BYTES, 3, 0, 0},
    {"no descriptors", ISOLATE_RUN, 1, 0, STRING_BYTES, 0, STRING_BYTES, 0, 0, 0},
    {"two descriptors", ISOLATE_RUN, 1, 0, STRING_BYTES, 0, STRING_BYTES, 2, 0, 0},
    {"half a header", ISOLATE_RUN, 1, 0, STRING_BYTES, 0, 0, 3, 0, 40},
    {"no strings", ISOLATE_RUN, 1, 0, 0, 0, 0, 3, 0, 0},
    {"fewer strings than said", ISOLATE_RUN, 1, 0, STRING_BYTES, 0, STRING_BYTES - 1, 3, 0, 0},
    {"more strings than said", ISOLATE_RUN, 1, 0, STRING_BYTES - 1, 0, STRING_BYTES, 3, 0, 0},
    {"no arguments", ISOLATE_RUN, 0, 0, STRING_BYTES, 0, STRING_BYTES, 3, 0, 0},
    {"more arguments than strings", ISOLATE_RUN, 2, 0, STRING_BYTES, 0, STRING_BYTES, 3, 0, 0},
    {"more variables than strings", ISOLATE_RUN, 1, 1, STRING_BYTES, 0, STRING_BYTES, 3, 0, 0},
    {"a great many arguments", ISOLATE_RUN, 0xffffffff, 0, STRING_BYTES, 0, STRING_BYTES, 3, 0, 0},
    {"a great many variables", ISOLATE_RUN, 1, 0xffffffff, STRING_BYTES, 0, STRING_BYTES, 3, 0, 0},
    {"as many of both", ISOLATE_RUN, 0xffffffff, 0xffffffff, STRING_BYTES, 0, STRING_BYTES, 3, 0, 0},
    {"a sum that wraps around", ISOLATE_RUN, 0x80000000, 0x80000000, STRING_BYTES, 0, STRING_BYTES, 3, 0, 0},
    {"a sum of minus one", ISOLATE_RUN, 1, 0xfffffffe, STRING_BYTES, 0, STRING_BYTES, 3, 0, 0},
    {"string bytes of minus one", ISOLATE_RUN, 1, 0, 0xffffffff, 0, STRING_BYTES, 3, 0, 0},
    {"strings in no file", ISOLATE_RUN, 1, 0, STRING_BYTES, ISOLATE_RUN_STRINGS_IN_FILE, 0, 3, 0, 0},
    {"strings in a file that is shorter", ISOLATE_RUN, 1, 0, 2 << 20, ISOLATE_RUN_STRINGS_IN_FILE, 0, 4, 4096,
     0},
    {"strings in an empty file", ISOLATE_RUN, 1, 0, STRING_BYTES, ISOLATE_RUN_STRINGS_IN_FILE, 0, 4, 0, 0},
    {"no bytes of a file", ISOLATE_RUN, 1, 0, 0, ISOLATE_RUN_STRINGS_IN_FILE, 0, 4, 4096, 0},
    {"more bytes of a file than allowed", ISOLATE_RUN, 1, 0, 0x7fffffff, ISOLATE_RUN_STRINGS_IN_FILE, 0, 4,
     4096, 0},
    {"a file without strings' ends", ISOLATE_RUN, 3, 0, 4096, ISOLATE_RUN_STRINGS_IN_FILE, 0, 4, 4096, 0},
    {"all flags", ISOLATE_RUN, 1, 0, STRING_BYTES, 0xffffffff, STRING_BYTES, 3, 0, 0},
};

static void send_request(int socket, const struct request *request) {
    struct {
        struct isolate_run_header header;
        char strings[ISOLATE_INLINE_MAX];
    } record = {.header = {.type = request->type,
                           .flags = request->flags,
                           .serial = 1,
                           .limits = wide_limits(),
                           .argc = request->argc,
                           .envc = request->envc,
                           .string_bytes = request->string_bytes}};
    union {
        char bytes[CMSG_SPACE(4 * sizeof(int))];
        struct cmsghdr aligned;
    } control = {.bytes = {0}};
    memcpy(record.strings, STRINGS, STRING_BYTES);
    struct iovec vector = {&record, sizeof record.header + request->sent_string_bytes - (size_t)request->cut};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    int null_device = open("/dev/null", O_RDWR | O_CLOEXEC), file = -1;
    int fds[4] = {null_device, null_device, null_device, -1};
    CHECK_OK(null_device);
    if (request->fd_count == 4) {
        char *bytes = calloc(1, request->file_bytes + 1);
        memset(bytes, 'x', request->file_bytes);
        fds[3] = file = isolate_memory_file(bytes, request->file_bytes);
        CHECK_OK(file);
        free(bytes);
    }
    if (request->fd_count > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE((size_t)request->fd_count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN((size_t)request->fd_count * sizeof(int));
        memcpy(CMSG_DATA(header), fds, (size_t)request->fd_count * sizeof(int));
    }
    CHECK_OK(sendmsg(socket, &message, MSG_NOSIGNAL));
    close(null_device);
    if (file >= 0)
        close(file);
}

/* The end of the run that a bad request must cause. */
static isolate_run_record await_end(isolate_sandbox *sandbox) {
    struct pollfd poll_fd = {.fd = sandbox->control, .events = POLLIN};
    isolate_slot_message message;
    int fd;
    CHECK_EQUAL(poll(&poll_fd, 1, 5000), 1);
    CHECK_EQUAL(isolate_slot_receive(sandbox->control, &message, &fd), 1);
    CHECK_EQUAL(message.type, ISOLATE_RUN_ENDED);
    CHECK_EQUAL(fd, -1);
    return message.run;
}

TEST(requests_that_lie) {
    struct snapshot *before = snapshot_take();
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    start_supervisor(&supervisor);
    open_sandbox(&supervisor, &sandbox);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        test_context("%s", requests[i].name);
        send_request(sandbox.request, &requests[i]);
        isolate_run_record record = await_end(&sandbox);
        CHECK_EQUAL(record.end, ISOLATE_END_FAILURE);
        CHECK_TEXT(isolate_stage_name(record.failure.stage), "request");
        CHECK(record.failure.errno_value > 0);
        /* The same sandbox accepts a correct request. */
        sandbox.serial = 1000 + i;
        expect_exit(&sandbox, "exit 3", 3);
    }
    test_context("%s", "");
    isolate_sandbox_close(&sandbox);
    use_supervisor(&supervisor);
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
    snapshot_check(before);
}

/* Correct requests, written by hand; each false request above differs from one in a single field. */
TEST(requests_that_tell_the_truth) {
    static const struct request honest = {"", ISOLATE_RUN, 1, 0, STRING_BYTES, 0, STRING_BYTES, 3, 0, 0};
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    start_supervisor(&supervisor);
    open_sandbox(&supervisor, &sandbox);
    send_request(sandbox.request, &honest);
    isolate_run_record record = await_end(&sandbox);
    /* "true" without a PATH is found nowhere: the request was read, and exec reports that. */
    CHECK_EQUAL(record.end, ISOLATE_END_FAILURE);
    CHECK_EQUAL(record.failure.stage, ISOLATE_STAGE_EXEC);
    CHECK_EQUAL(record.failure.errno_value, ENOENT);
    CHECK_EQUAL(record.serial, 1);
    isolate_sandbox_close(&sandbox);
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
}

/* An empty record looks like an end of file; whatever it ends, the supervisor continues. */
TEST(requests_that_are_empty) {
    isolate_supervisor supervisor;
    start_supervisor(&supervisor);
    for (int is_request = 0; is_request < 2; is_request++) {
        isolate_sandbox sandbox;
        isolate_failure failure;
        open_sandbox(&supervisor, &sandbox);
        CHECK_OK(send(is_request ? sandbox.request : sandbox.control, "", 0, MSG_NOSIGNAL));
        sleep_ms(50);
        isolate_sandbox_write(&sandbox, "x", "x", 1, 0, &failure); /* any answer, as long as there is one */
        isolate_sandbox_close(&sandbox);
        use_supervisor(&supervisor);
    }
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
}
