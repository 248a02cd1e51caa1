/* Sends and receives records on the sockets, never blocking. The client checks the size of each record from a
 * slot, then its type. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "internal.h"

enum { FDS_MAX = 4 };

union control {
    char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
    struct cmsghdr aligned;
};

static int send_record(int socket, const struct iovec *vectors, size_t count, const int *fds,
                       unsigned fd_count) {
    union control control = {.bytes = {0}};
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)vectors, .msg_iovlen = count};
    if (fd_count > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        memcpy(CMSG_DATA(header), fds, fd_count * sizeof(int));
    }
    ssize_t n;
    do
        n = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

static void close_all(int *fds, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        isolate_internal_close(&fds[i]);
}

/* Returns the bytes received, 0 when there is no record now, -EPIPE at the end. Closes descriptors beyond
 * fd_count. *is_cut: this process had no room for the record's descriptors, so it has none of them. */
static int receive_record(int socket, void *record, size_t bytes, int *fds, unsigned fd_count, int *is_cut) {
    union control control;
    struct iovec vector = {record, bytes};
    struct msghdr message = {.msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    for (unsigned i = 0; i < fd_count; i++)
        fds[i] = -1;
    *is_cut = 0;
    ssize_t n;
    int is_reset = 0;
    /* A peer that ended without reading what it was sent resets the connection. That error comes once, and
     * before the records that the peer had sent: its last words. */
    do {
        n = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (n < 0 && (errno == EINTR || (errno == ECONNRESET && is_reset++ == 0)));
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : errno == ECONNRESET ? -EPIPE : -errno;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
            if (i < fd_count)
                fds[i] = fd;
            else
                close(fd);
        }
    }
    int is_whole = n > 0 && !(message.msg_flags & MSG_TRUNC);
    *is_cut = (message.msg_flags & MSG_CTRUNC) != 0;
    if (!is_whole || *is_cut) /* an empty record, too: no peer sends one */
        close_all(fds, fd_count);
    return n == 0 ? -EPIPE : is_whole ? (int)n : -EPROTO;
}

static int send_slot_record(const isolate_supervisor *supervisor, uint32_t type, uint32_t slot) {
    isolate_slot_record record = {.type = type, .slot = slot};
    struct iovec vector = {&record, sizeof record};
    if (supervisor->owner != getpid())
        return -ECHILD;
    return send_record(supervisor->socket, &vector, 1, NULL, 0);
}

int isolate_slot_create(const isolate_supervisor *supervisor, uint32_t slot) {
    return send_slot_record(supervisor, ISOLATE_CREATE_SLOT, slot);
}

int isolate_slot_destroy(const isolate_supervisor *supervisor, uint32_t slot) {
    return send_slot_record(supervisor, ISOLATE_DESTROY_SLOT, slot);
}

int isolate_supervisor_receive(const isolate_supervisor *supervisor, isolate_slot_record *record,
                               int fds[2]) {
    fds[0] = fds[1] = -1;
    if (supervisor->owner != getpid())
        return -ECHILD; /* only the owner may take the record */
    int is_cut = 0, n = receive_record(supervisor->socket, record, sizeof *record, fds, 2, &is_cut);
    if (n <= 0)
        return n;
    if (n == sizeof *record) {
        if (is_cut)
            record->failure =
                isolate_internal_failure(ISOLATE_STAGE_START, EMFILE, ISOLATE_DETAIL_START_DESCRIPTORS);
        return 1;
    }
    close_all(fds, 2);
    return -EPROTO;
}

int isolate_slot_send(int control, uint32_t type, uint32_t end, uint64_t disk_bytes, uint64_t serial) {
    struct isolate_prepare_record record = {type, end, disk_bytes, serial};
    struct iovec vector = {&record, sizeof record};
    return send_record(control, &vector, 1, NULL, 0);
}

int isolate_slot_send_open(int control, const isolate_file_question *question) {
    struct isolate_file_record record = {.type = ISOLATE_OPEN_FILE,
                                         .mode = question->mode,
                                         .flags = question->flags,
                                         .offset = question->offset};
    size_t length = strlen(question->path), target = question->target ? strlen(question->target) + 1 : 0;
    if (length == 0 || length + target >= sizeof record.path)
        return -ENAMETOOLONG;
    memcpy(record.path, question->path, length);
    if (target > 0)
        memcpy(record.path + length + 1, question->target, target - 1);
    struct iovec vector = {&record, sizeof record};
    return send_record(control, &vector, 1, &question->content, question->content >= 0 ? 1 : 0);
}

int isolate_slot_receive(int control, isolate_slot_message *message, int *fd) {
    int is_cut = 0, n = receive_record(control, message, sizeof *message, fd, 1, &is_cut);
    if (n <= 0)
        return n;
    size_t expected = message->type == ISOLATE_RUN_ENDED ? sizeof message->run : sizeof message->status;
    if ((size_t)n == expected) {
        if (is_cut && message->type != ISOLATE_RUN_ENDED)
            message->status.failure =
                isolate_internal_failure(ISOLATE_STAGE_FILE, EMFILE, ISOLATE_DETAIL_FILE_DESCRIPTORS);
        return 1;
    }
    isolate_internal_close(fd);
    return -EPROTO;
}

int isolate_run_send(int request, uint64_t serial, const isolate_limits *limits, uint32_t flags,
                     uint32_t argc, uint32_t envc, const char *strings, size_t string_bytes,
                     const int stdio[3]) {
    struct isolate_run_header header = {.type = ISOLATE_RUN,
                                        .flags = flags,
                                        .serial = serial,
                                        .limits = *limits,
                                        .argc = argc,
                                        .envc = envc,
                                        .string_bytes = (uint32_t)string_bytes};
    struct iovec vectors[2] = {{&header, sizeof header}, {(void *)(uintptr_t)strings, string_bytes}};
    int fds[4] = {stdio[0], stdio[1], stdio[2], -1};
    int CLEANUP_CLOSE file = -1;
    if (string_bytes > UINT32_MAX)
        return -E2BIG;
    if (string_bytes > ISOLATE_INLINE_MAX) {
        file = isolate_memory_file(strings, string_bytes);
        if (file < 0)
            return file;
        fds[3] = file;
        header.flags |= ISOLATE_RUN_STRINGS_IN_FILE;
    }
    return send_record(request, vectors, file < 0 ? 2 : 1, fds, file < 0 ? 3 : 4);
}

int isolate_pipe(uid_t user, int our_end, int ends[2]) {
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -errno;
    /* Without CAP_CHOWN, mode 0666 lets the program open the pipe. Only processes that hold one of its ends
     * can name it, so this opens it to no others. */
    int is_given = user == geteuid() || fchown(ends[1 - our_end], user, user) == 0 ||
                   (errno == EPERM && fchmod(ends[1 - our_end], 0666) == 0);
    if (is_given && fcntl(ends[our_end], F_SETFL, O_NONBLOCK) == 0)
        return 0;
    int error = errno;
    isolate_internal_close(&ends[0]);
    isolate_internal_close(&ends[1]);
    return -error;
}

int isolate_pipe_between(int ends[2]) {
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -errno;
    /* The programs have different ids. Only processes that hold an end can name the pipe, so this opens it to
     * no others. */
    if (fchmod(ends[0], 0666) == 0)
        return 0;
    int error = errno;
    isolate_internal_close(&ends[0]);
    isolate_internal_close(&ends[1]);
    return -error;
}
