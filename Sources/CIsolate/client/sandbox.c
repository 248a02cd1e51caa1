/* The blocking interface for judges in C: one sandbox at a time in one thread. This file has its life and its
 * files; sandbox_run.c has its runs. Every wait ends: a process that does not answer in time is killed. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

static uint32_t next_slot = 1;

int isolate_internal_wait_readable(int fd, uint64_t end_ms) {
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    int n;
    do
        n = poll(&poll_fd, 1, isolate_internal_ms_until(end_ms));
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n == 0 ? -ETIMEDOUT : 0;
}

/* A fork of the owner has copies of the sockets, but only the owner may take the answers from them. */
int isolate_internal_refuse_fork(isolate_failure *failure) {
    *failure = isolate_internal_failure(ISOLATE_STAGE_START, ECHILD, ISOLATE_DETAIL_START_FORK);
    return -ECHILD;
}

static uint64_t answer_time(const isolate_sandbox *sandbox) {
    return isolate_internal_now_ms() + (uint64_t)sandbox->supervisor->answer_timeout_ms;
}

/* Called with the exchange locked. Kills a supervisor that does not answer, and everything below it. */
static int wait_for_slot(isolate_sandbox *sandbox, uint32_t type, isolate_failure *failure) {
    uint64_t end = answer_time(sandbox);
    for (;;) {
        isolate_slot_record record;
        int fds[2];
        int result = isolate_internal_wait_readable(sandbox->supervisor->socket, end);
        if (result == -ETIMEDOUT) {
            isolate_supervisor_kill(sandbox->supervisor->pidfd);
            *failure =
                isolate_internal_failure(ISOLATE_STAGE_WATCHDOG, ETIMEDOUT, ISOLATE_WATCHDOG_SUPERVISOR);
            return result;
        }
        if (result == 0)
            result = isolate_supervisor_receive(sandbox->supervisor, &record, fds);
        if (result < 0) {
            *failure = isolate_internal_failure(ISOLATE_STAGE_START, -result, ISOLATE_DETAIL_START_ANSWER);
            return result;
        }
        if (result == 0)
            continue;
        if (record.slot != sandbox->slot) {
            /* The record is about another slot, which ended by itself. Its own isolate_sandbox_close asks the
             * supervisor again and gets another answer. */
            isolate_internal_close(&fds[0]);
            isolate_internal_close(&fds[1]);
            continue;
        }
        *failure = record.failure;
        sandbox->control = fds[0];
        sandbox->request = fds[1];
        sandbox->host_uid = record.host_uid;
        if (failure->stage == 0 && record.type != type)
            *failure = isolate_internal_failure(ISOLATE_STAGE_START, EPROTO, ISOLATE_DETAIL_START_ANSWER);
        return isolate_internal_status(failure);
    }
}

/* Has the slot's processes killed, in whatever state they are. 0, or -errno: they may live until the
 * supervisor is dead. */
static int destroy(isolate_sandbox *sandbox) {
    isolate_failure failure;
    isolate_internal_close(&sandbox->control);
    isolate_internal_close(&sandbox->request);
    if (sandbox->supervisor->owner != getpid())
        return -ECHILD;
    pthread_mutex_lock(&sandbox->supervisor->exchange);
    int result = isolate_slot_destroy(sandbox->supervisor, sandbox->slot);
    if (result == 0)
        result = wait_for_slot(sandbox, ISOLATE_SLOT_ENDED, &failure);
    pthread_mutex_unlock(&sandbox->supervisor->exchange);
    isolate_internal_close(&sandbox->control);
    isolate_internal_close(&sandbox->request);
    return result;
}

int isolate_internal_give_up(isolate_sandbox *sandbox, int what, isolate_failure *failure) {
    destroy(sandbox);
    *failure = isolate_internal_failure(ISOLATE_STAGE_WATCHDOG, ETIMEDOUT, what);
    return -ETIMEDOUT;
}

int isolate_internal_wait_for_answer(isolate_sandbox *sandbox, uint32_t type, isolate_slot_message *message,
                                     int *fd, isolate_failure *failure) {
    uint64_t end = answer_time(sandbox);
    int result;
    do { /* skip the end of a run that was given up or never started */
        isolate_internal_close(fd);
        result = isolate_internal_wait_readable(sandbox->control, end);
        if (result == -ETIMEDOUT)
            return isolate_internal_give_up(sandbox, ISOLATE_WATCHDOG_ANSWER, failure);
        if (result == 0)
            result = isolate_slot_receive(sandbox->control, message, fd);
        if (result == 0)
            result = -EAGAIN;
    } while (result > 0 && message->type == ISOLATE_RUN_ENDED && type != ISOLATE_RUN_ENDED);
    if (result > 0 && message->type != type) {
        isolate_internal_close(fd);
        result = -EPROTO;
    }
    if (result < 0) {
        *failure = isolate_internal_failure(ISOLATE_STAGE_PROTOCOL, -result, ISOLATE_DETAIL_PROTOCOL_ANSWER);
        return result;
    }
    if (type != ISOLATE_RUN_ENDED && message->status.failure.stage != 0) {
        isolate_internal_close(fd);
        *failure = message->status.failure;
        return isolate_internal_status(failure);
    }
    return 0;
}

int isolate_internal_ask(isolate_sandbox *sandbox, uint32_t request, uint64_t disk_bytes, uint32_t answer,
                         isolate_slot_message *message, isolate_failure *failure) {
    int fd = -1;
    int result = isolate_slot_send(sandbox->control, request, 0, disk_bytes, 0);
    if (result < 0) {
        *failure = isolate_internal_failure(ISOLATE_STAGE_PROTOCOL, -result, ISOLATE_DETAIL_PROTOCOL_ASK);
        return result;
    }
    result = isolate_internal_wait_for_answer(sandbox, answer, message, &fd, failure);
    isolate_internal_close(&fd);
    return result;
}

int isolate_sandbox_open(isolate_supervisor *supervisor, uint64_t disk_bytes, isolate_sandbox *sandbox,
                         isolate_failure *failure) {
    uint32_t number = __atomic_fetch_add(&next_slot, 1, __ATOMIC_RELAXED);
    return isolate_internal_sandbox_open(supervisor, number, disk_bytes, sandbox, failure);
}

int isolate_internal_sandbox_open(isolate_supervisor *supervisor, uint32_t number, uint64_t disk_bytes,
                                  isolate_sandbox *sandbox, isolate_failure *failure) {
    isolate_slot_message message;
    int fd = -1;
    *failure = isolate_internal_failure(0, 0, 0);
    *sandbox =
        (isolate_sandbox){.supervisor = supervisor, .control = -1, .request = -1, .disk_bytes = disk_bytes};
    sandbox->slot = number;
    /* Checked before locking: another thread may have held the lock while this process forked. */
    if (supervisor->owner != getpid())
        return isolate_internal_refuse_fork(failure);
    pthread_mutex_lock(&supervisor->exchange);
    int result = isolate_slot_create(supervisor, sandbox->slot);
    if (result == 0)
        result = wait_for_slot(sandbox, ISOLATE_SLOT_CREATED, failure);
    else
        *failure = isolate_internal_failure(ISOLATE_STAGE_START, -result, ISOLATE_DETAIL_START_ASK);
    pthread_mutex_unlock(&supervisor->exchange);
    if (result == -EMFILE && sandbox->control < 0)
        destroy(sandbox); /* the slot exists, but this process had no room for its sockets */
    if (result == 0)      /* the slot reports that its root is built */
        result = isolate_internal_wait_for_answer(sandbox, ISOLATE_CLEARED, &message, &fd, failure);
    if (result == 0)
        result =
            isolate_internal_ask(sandbox, ISOLATE_PREPARE, disk_bytes, ISOLATE_PREPARED, &message, failure);
    if (result == 0)
        sandbox->layers = message.status.layers;
    else
        isolate_sandbox_close(sandbox);
    return result;
}

int isolate_sandbox_close(isolate_sandbox *sandbox) {
    int result = sandbox->control >= 0 ? destroy(sandbox) : 0;
    isolate_internal_close(&sandbox->control);
    isolate_internal_close(&sandbox->request);
    return result;
}

static int open_file(isolate_sandbox *sandbox, const isolate_file_question *question, int *fd,
                     isolate_failure *failure) {
    isolate_slot_message message;
    *failure = isolate_internal_failure(0, 0, 0);
    if (sandbox->supervisor->owner != getpid())
        return isolate_internal_refuse_fork(failure);
    int result = isolate_slot_send_open(sandbox->control, question);
    if (result < 0) {
        *failure = isolate_internal_failure(ISOLATE_STAGE_FILE, -result, ISOLATE_DETAIL_FILE_ASK);
        return result;
    }
    return isolate_internal_wait_for_answer(sandbox, ISOLATE_FILE_OPENED, &message, fd, failure);
}

int isolate_sandbox_write(isolate_sandbox *sandbox, const char *path, const void *data, size_t bytes,
                          int executable, isolate_failure *failure) {
    int CLEANUP_CLOSE fd = -1;
    int CLEANUP_CLOSE content = executable ? isolate_memory_file(data, bytes) : -1;
    if (executable && content < 0) {
        *failure = isolate_internal_failure(ISOLATE_STAGE_FILE, -content, ISOLATE_DETAIL_FILE_CONTENT);
        return content;
    }
    isolate_file_question question = {
        .path = path,
        .mode = ISOLATE_FILE_WRITE,
        .flags = executable ? ISOLATE_FILE_EXECUTABLE | ISOLATE_FILE_COPY : 0,
        .content = content,
    };
    int result = open_file(sandbox, &question, &fd, failure);
    if (executable)
        return result;
    if (result == 0) {
        result = isolate_internal_write_all(fd, data, bytes);
        if (result < 0)
            *failure = isolate_internal_failure(ISOLATE_STAGE_FILE, -result, ISOLATE_DETAIL_FILE_WRITE);
    }
    return result;
}

int isolate_sandbox_read(isolate_sandbox *sandbox, const char *path, void *data, size_t bytes,
                         size_t *read_bytes, isolate_failure *failure) {
    int CLEANUP_CLOSE fd = -1;
    isolate_file_question question = {.path = path, .mode = ISOLATE_FILE_READ, .content = -1};
    char extra;
    *read_bytes = 0;
    int result = open_file(sandbox, &question, &fd, failure);
    while (result == 0) {
        /* Reading one byte more than allowed shows whether the file is larger. */
        int is_full = *read_bytes == bytes;
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
            *failure = isolate_internal_failure(ISOLATE_STAGE_FILE, -result, ISOLATE_DETAIL_FILE_READ);
    }
    return result;
}
