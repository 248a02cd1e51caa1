/* One sandbox at a time in one thread: the blocking interface for judges in C. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.h"

enum { ANSWER_TIMEOUT_MS = 30000, READ_CHUNK = 64 << 10, CHUNKS_AT_ONCE = 16, STRINGS_MAX = 6 << 20 };

static uint32_t next_slot = 1;

static int wait_readable(int fd) {
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    int n;
    do
        n = poll(&poll_fd, 1, ANSWER_TIMEOUT_MS);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n == 0 ? -ETIMEDOUT : 0;
}

/* A fork of the owner has copies of the sockets, but the answers on them are the owner's. */
static int refuse_fork(isolate_failure *failure) {
    *failure = internal_failure(ISOLATE_STAGE_START, ECHILD, 5);
    return -ECHILD;
}

static int wait_for_slot(isolate_sandbox *sandbox, uint32_t type, isolate_failure *failure) {
    for (;;) {
        isolate_slot_record record;
        int fds[2];
        int result = wait_readable(sandbox->supervisor->socket);
        if (result == 0)
            result = isolate_supervisor_receive(sandbox->supervisor, &record, fds);
        if (result < 0) {
            *failure = internal_failure(ISOLATE_STAGE_START, -result, 3);
            return result;
        }
        if (result == 0)
            continue;
        if (record.slot != sandbox->slot) {
            /* A slot that ended by itself; whoever closes it asks and is told again. */
            internal_close(&fds[0]);
            internal_close(&fds[1]);
            continue;
        }
        *failure = record.failure;
        sandbox->control = fds[0];
        sandbox->request = fds[1];
        sandbox->host_uid = record.host_uid;
        if (record.failure.stage != 0)
            return -record.failure.errno_value;
        return record.type == type ? 0 : -EPROTO;
    }
}

static int wait_for_answer(isolate_sandbox *sandbox, uint32_t type, isolate_slot_message *message, int *fd,
                           isolate_failure *failure) {
    int result;
    do { /* the end of a run that we gave up or that never was is no answer to another question */
        internal_close(fd);
        result = wait_readable(sandbox->control);
        if (result == 0)
            result = isolate_slot_receive(sandbox->control, message, fd);
        if (result == 0)
            result = -EAGAIN;
    } while (result > 0 && message->type == ISOLATE_RUN_ENDED && type != ISOLATE_RUN_ENDED);
    if (result > 0 && message->type != type) {
        internal_close(fd);
        result = -EPROTO;
    }
    if (result < 0) {
        *failure = internal_failure(ISOLATE_STAGE_PROTOCOL, -result, 1);
        return result;
    }
    if (type != ISOLATE_RUN_ENDED && message->status.failure.stage != 0) {
        *failure = message->status.failure;
        return -failure->errno_value;
    }
    return 0;
}

static int ask(isolate_sandbox *sandbox, uint32_t request, uint64_t disk_bytes, uint32_t answer,
               isolate_slot_message *message, isolate_failure *failure) {
    int fd = -1;
    int result = isolate_slot_send(sandbox->control, request, 0, disk_bytes, 0);
    if (result < 0) {
        *failure = internal_failure(ISOLATE_STAGE_PROTOCOL, -result, 2);
        return result;
    }
    result = wait_for_answer(sandbox, answer, message, &fd, failure);
    internal_close(&fd);
    return result;
}

int isolate_sandbox_open(isolate_supervisor *supervisor, uint64_t disk_bytes, isolate_sandbox *sandbox,
                         isolate_failure *failure) {
    uint32_t number = __atomic_fetch_add(&next_slot, 1, __ATOMIC_RELAXED);
    return internal_sandbox_open(supervisor, number, disk_bytes, sandbox, failure);
}

int internal_sandbox_open(isolate_supervisor *supervisor, uint32_t number, uint64_t disk_bytes,
                          isolate_sandbox *sandbox, isolate_failure *failure) {
    isolate_slot_message message;
    int fd = -1;
    *failure = internal_failure(0, 0, 0);
    *sandbox =
        (isolate_sandbox){.supervisor = supervisor, .control = -1, .request = -1, .disk_bytes = disk_bytes};
    sandbox->slot = number;
    /* Before the lock, which another thread may have held while we forked. */
    if (supervisor->owner != getpid())
        return refuse_fork(failure);
    pthread_mutex_lock(&supervisor->exchange);
    int result = isolate_slot_create(supervisor, sandbox->slot);
    if (result == 0)
        result = wait_for_slot(sandbox, ISOLATE_SLOT_CREATED, failure);
    else
        *failure = internal_failure(ISOLATE_STAGE_START, -result, 4);
    pthread_mutex_unlock(&supervisor->exchange);
    if (result == 0) /* the slot's own word that its root is built */
        result = wait_for_answer(sandbox, ISOLATE_CLEARED, &message, &fd, failure);
    if (result == 0)
        result = ask(sandbox, ISOLATE_PREPARE, disk_bytes, ISOLATE_PREPARED, &message, failure);
    if (result == 0)
        sandbox->layers = message.status.layers;
    else
        isolate_sandbox_close(sandbox);
    return result;
}

void isolate_sandbox_close(isolate_sandbox *sandbox) {
    if (sandbox->control >= 0) {
        isolate_failure failure;
        internal_close(&sandbox->control);
        internal_close(&sandbox->request);
        if (sandbox->supervisor->owner == getpid()) {
            pthread_mutex_lock(&sandbox->supervisor->exchange);
            if (isolate_slot_destroy(sandbox->supervisor, sandbox->slot) == 0)
                wait_for_slot(sandbox, ISOLATE_SLOT_ENDED, &failure);
            pthread_mutex_unlock(&sandbox->supervisor->exchange);
        }
    }
    internal_close(&sandbox->control);
    internal_close(&sandbox->request);
}

static int open_file(isolate_sandbox *sandbox, const char *path, int mode, int content, int *fd,
                     uint64_t *bytes, isolate_failure *failure) {
    isolate_slot_message message;
    *failure = internal_failure(0, 0, 0);
    if (sandbox->supervisor->owner != getpid())
        return refuse_fork(failure);
    int result = isolate_slot_send_open(sandbox->control, path, mode, content);
    if (result < 0) {
        *failure = internal_failure(ISOLATE_STAGE_FILE, -result, 1);
        return result;
    }
    result = wait_for_answer(sandbox, ISOLATE_FILE_OPENED, &message, fd, failure);
    if (result == 0)
        *bytes = message.status.bytes;
    return result;
}

int isolate_sandbox_write(isolate_sandbox *sandbox, const char *path, const void *data, size_t bytes,
                          int executable, isolate_failure *failure) {
    int CLEANUP_CLOSE fd = -1;
    uint64_t size;
    int CLEANUP_CLOSE content = executable ? isolate_memory_file(data, bytes) : -1;
    if (executable && content < 0) {
        *failure = internal_failure(ISOLATE_STAGE_FILE, -content, 4);
        return content;
    }
    int mode = executable ? ISOLATE_FILE_WRITE_EXECUTABLE : ISOLATE_FILE_WRITE;
    int result = open_file(sandbox, path, mode, content, &fd, &size, failure);
    if (executable)
        return result;
    for (size_t done = 0; result == 0 && done < bytes;) {
        ssize_t n = write(fd, (const char *)data + done, bytes - done);
        if (n >= 0)
            done += (size_t)n;
        else if (errno != EINTR) {
            result = -errno;
            *failure = internal_failure(ISOLATE_STAGE_FILE, errno, 2);
        }
    }
    return result;
}

int isolate_sandbox_read(isolate_sandbox *sandbox, const char *path, void *data, size_t bytes,
                         size_t *read_bytes, isolate_failure *failure) {
    int CLEANUP_CLOSE fd = -1;
    uint64_t size;
    char extra;
    *read_bytes = 0;
    int result = open_file(sandbox, path, ISOLATE_FILE_READ, -1, &fd, &size, failure);
    while (result == 0) {
        int is_full = *read_bytes == bytes; /* one byte more than allowed tells a larger file */
        ssize_t n = is_full ? read(fd, &extra, 1) : read(fd, (char *)data + *read_bytes, bytes - *read_bytes);
        if (n == 0)
            break;
        if (n > 0 && is_full)
            result = -EFBIG;
        else if (n > 0)
            *read_bytes += (size_t)n;
        else if (errno != EINTR)
            result = -errno;
        if (result < 0)
            *failure = internal_failure(ISOLATE_STAGE_FILE, -result, 3);
    }
    return result;
}

struct stream {
    int fd;
    char *bytes;
    size_t used, bound;
    int exceeded;
};

/* Reads what is there, but no more than so many chunks: a fast writer would keep us here for ever. 0, or
 * -errno. */
static int drain(struct stream *stream, unsigned chunks) {
    static const size_t least = 1; /* room for the terminating NUL */
    for (; stream->fd >= 0 && chunks > 0; chunks--) {
        char chunk[READ_CHUNK];
        ssize_t n = read(stream->fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return 0;
        if (n <= 0) {
            internal_close(&stream->fd);
            return 0;
        }
        size_t room = stream->bound - stream->used, take = (size_t)n < room ? (size_t)n : room;
        stream->exceeded |= (size_t)n > room;
        char *grown = realloc(stream->bytes, stream->used + take + least);
        if (grown == NULL)
            return -ENOMEM;
        stream->bytes = grown;
        memcpy(stream->bytes + stream->used, chunk, take);
        stream->used += take;
        stream->bytes[stream->used] = 0;
    }
    return 0;
}

static size_t append(char *out, size_t used, const char *text) {
    size_t n = strlen(text) + 1;
    if (out != NULL)
        memcpy(out + used, text, n);
    return used + n;
}

/* Lays out directory, executable, argv and environment; with out == NULL only counts. */
static size_t lay_out(const isolate_command *command, char *out, uint32_t *argc, uint32_t *envc) {
    static const char *const standard[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME=/work",
        "LANG=C.UTF-8",
        "TZ=UTC",
        "LSAN_OPTIONS=detect_leaks=0",
        "USER=sandbox",
        "LOGNAME=sandbox",
        NULL};
    const char *const *environment = command->environment != NULL ? command->environment : standard;
    size_t used = append(out, 0, command->directory != NULL ? command->directory : "/work");
    used = append(out, used, command->executable);
    for (*argc = 0; command->arguments[*argc] != NULL; (*argc)++)
        used = append(out, used, command->arguments[*argc]);
    for (*envc = 0; environment[*envc] != NULL; (*envc)++)
        used = append(out, used, environment[*envc]);
    return used;
}

static int send_command(isolate_sandbox *sandbox, const isolate_command *command,
                        const isolate_limits *limits, const int stdio[3]) {
    uint32_t argc, envc;
    size_t bytes = lay_out(command, NULL, &argc, &envc);
    if (bytes > STRINGS_MAX)
        return -E2BIG;
    char *strings = malloc(bytes);
    if (strings == NULL)
        return -ENOMEM;
    lay_out(command, strings, &argc, &envc);
    uint32_t flags = command->blocked == ISOLATE_BLOCKED_DENY  ? ISOLATE_RUN_DENY_BLOCKED
                     : command->blocked == ISOLATE_BLOCKED_END ? ISOLATE_RUN_END_HARMLESS
                                                               : 0;
    if (command->input_bytes == 0)
        flags |= ISOLATE_RUN_NO_INPUT;
    int result = isolate_run_send(sandbox->request, ++sandbox->serial, limits, flags, argc, envc, strings,
                                  bytes, stdio);
    free(strings);
    return result;
}

static int follow(isolate_sandbox *sandbox, struct stream streams[2], isolate_run_record *record,
                  isolate_failure *failure) {
    isolate_slot_message message;
    int fd = -1, was_told = 0;
    for (;;) {
        struct pollfd fds[3] = {{.fd = sandbox->control, .events = POLLIN},
                                {.fd = streams[0].fd, .events = POLLIN},
                                {.fd = streams[1].fd, .events = POLLIN}};
        if (poll(fds, 3, -1) < 0 && errno != EINTR)
            return -errno;
        for (int i = 0; i < 2; i++) {
            int result = drain(&streams[i], CHUNKS_AT_ONCE);
            if (result < 0)
                return result;
        }
        if ((streams[0].exceeded || streams[1].exceeded) && !was_told) {
            was_told = 1;
            isolate_slot_send(sandbox->control, ISOLATE_END_RUN, ISOLATE_END_OUTPUT, 0, sandbox->serial);
        }
        if (fds[0].revents == 0)
            continue;
        int result = wait_for_answer(sandbox, ISOLATE_RUN_ENDED, &message, &fd, failure);
        internal_close(&fd);
        if (result < 0)
            return result;
        if (message.run.serial != sandbox->serial && message.run.serial != 0)
            continue; /* an earlier run's */
        *record = message.run;
        /* Every writer is dead: what they wrote is in the pipes, and nothing more will come. */
        result = drain(&streams[0], ~0u);
        return result < 0 ? result : drain(&streams[1], ~0u);
    }
}

int isolate_sandbox_run(isolate_sandbox *sandbox, const isolate_command *command,
                        const isolate_limits *limits, isolate_result *result, isolate_failure *failure) {
    int pipes[2][2] = {{-1, -1}, {-1, -1}};
    int CLEANUP_CLOSE input = -1;
    isolate_slot_message message;
    *failure = internal_failure(0, 0, 0);
    memset(result, 0, sizeof *result);
    if (sandbox->supervisor->owner != getpid())
        return refuse_fork(failure);
    if (sandbox->disk_bytes != limits->disk_bytes) {
        int set = ask(sandbox, ISOLATE_SET_DISK, limits->disk_bytes, ISOLATE_DISK_SET, &message, failure);
        if (set < 0)
            return set;
        sandbox->disk_bytes = limits->disk_bytes;
    }
    int status = 0;
    if (command->input_bytes > 0)
        status = input = isolate_memory_file(command->input, command->input_bytes);
    for (int i = 0; i < 2 && status >= 0; i++)
        status = isolate_pipe(sandbox->host_uid, 0, pipes[i]);
    if (status >= 0)
        status = send_command(sandbox, command, limits,
                              (int[]){input >= 0 ? input : pipes[0][1], pipes[0][1], pipes[1][1]});
    internal_close(&pipes[0][1]);
    internal_close(&pipes[1][1]);
    struct stream streams[2] = {{.fd = pipes[0][0], .bound = command->output_bytes},
                                {.fd = pipes[1][0], .bound = command->output_bytes}};
    if (status >= 0)
        status = follow(sandbox, streams, &result->record, failure);
    else
        *failure = internal_failure(ISOLATE_STAGE_REQUEST, -status, 2);
    internal_close(&streams[0].fd);
    internal_close(&streams[1].fd);
    result->output = streams[0].bytes;
    result->output_bytes = streams[0].used;
    result->output_truncated = streams[0].exceeded;
    result->error = streams[1].bytes;
    result->error_bytes = streams[1].used;
    result->error_truncated = streams[1].exceeded;
    if (status < 0) {
        isolate_result_free(result);
        return status;
    }
    result->outcome = isolate_outcome_of(&result->record, streams[0].exceeded || streams[1].exceeded);
    *failure = result->record.failure;
    return 0;
}

void isolate_result_free(isolate_result *result) {
    free(result->output);
    free(result->error);
    result->output = result->error = NULL;
}
