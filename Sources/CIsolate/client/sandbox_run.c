/* The runs of a sandbox: sends the request, collects the program's output and waits for the record of its
 * end. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

enum { READ_CHUNK = 64 << 10, READS_AT_ONCE = 16, READS_MOST = 1 << 20, STRINGS_MAX = 6 << 20 };

struct stream {
    int fd;
    char *bytes;
    size_t used, bound;
    int exceeded;
};

/* Reads what is available, bounded in reads and bytes: a program that writes fast must not keep the caller
 * here for ever. 0, or -errno. */
static int drain(struct stream *stream, unsigned reads, size_t most) {
    static const size_t least = 1; /* room for the terminating NUL */
    size_t seen = 0;
    for (; stream->fd >= 0 && reads > 0 && seen <= most; reads--) {
        char chunk[READ_CHUNK];
        ssize_t n = read(stream->fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return 0;
        if (n <= 0) {
            int result = n < 0 ? -errno : 0;
            isolate_internal_close(&stream->fd);
            return result;
        }
        seen += (size_t)n;
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

/* Reads at most a pipe's capacity: that is everything once all writers are dead, and a bound if one is
 * not. */
static int drain_rest(struct stream *stream) {
    int capacity = stream->fd < 0 ? 0 : fcntl(stream->fd, F_GETPIPE_SZ);
    return drain(stream, READS_MOST, capacity < READ_CHUNK ? READ_CHUNK : (size_t)capacity);
}

/* Whatever the program wrote, also nothing, is a text. */
static int terminate(struct stream *stream) {
    if (stream->bytes == NULL)
        stream->bytes = calloc(1, 1);
    return stream->bytes == NULL ? -ENOMEM : 0;
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
    if (command->executable == NULL || command->arguments == NULL ||
        (command->input == NULL && command->input_bytes > 0))
        return -EINVAL;
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

/* The slot ends a run at its limits. This deadline of the client ends it when the slot does not. */
static uint64_t watchdog_time(const isolate_sandbox *sandbox, const isolate_limits *limits) {
    uint64_t wall_ms = limits->wall_ns / 1000000 + 1;
    return isolate_internal_now_ms() + wall_ms + (uint64_t)sandbox->supervisor->grace_ms;
}

static int follow(isolate_sandbox *sandbox, uint64_t end_ms, struct stream streams[2],
                  isolate_run_record *record, isolate_failure *failure) {
    isolate_slot_message message;
    int fd = -1, was_told = 0;
    for (;;) {
        struct pollfd fds[3] = {{.fd = sandbox->control, .events = POLLIN},
                                {.fd = streams[0].fd, .events = POLLIN},
                                {.fd = streams[1].fd, .events = POLLIN}};
        int wait_ms = isolate_internal_ms_until(end_ms);
        int result = poll(fds, 3, wait_ms) < 0 && errno != EINTR ? -errno : 0;
        for (int i = 0; i < 2 && result >= 0; i++)
            result = drain(&streams[i], READS_AT_ONCE, SIZE_MAX);
        if (result < 0) {
            /* The output cannot be kept: nobody waits for the rest, so the program and its sandbox end. */
            isolate_internal_give_up(sandbox, ISOLATE_WATCHDOG_RUN, failure);
            *failure = isolate_internal_failure(ISOLATE_STAGE_RUN, -result, ISOLATE_DETAIL_RUN_OUTPUT);
            return result;
        }
        /* A slot whose queue is full, or that is dead, is asked again or is found dead below. */
        if ((streams[0].exceeded || streams[1].exceeded) && !was_told)
            was_told = isolate_slot_send(sandbox->control, ISOLATE_END_RUN, ISOLATE_END_OUTPUT, 0,
                                         sandbox->serial) == 0;
        if (fds[0].revents == 0 && wait_ms == 0)
            return isolate_internal_give_up(sandbox, ISOLATE_WATCHDOG_RUN, failure);
        if (fds[0].revents == 0)
            continue;
        result = isolate_internal_wait_for_answer(sandbox, ISOLATE_RUN_ENDED, &message, &fd, failure);
        isolate_internal_close(&fd);
        if (result < 0)
            return result;
        if (message.run.serial != sandbox->serial && message.run.serial != 0)
            continue; /* the end of an earlier run */
        *record = message.run;
        for (int i = 0; i < 2 && result >= 0; i++) {
            result = drain_rest(&streams[i]);
            if (result >= 0)
                result = terminate(&streams[i]);
        }
        if (result < 0)
            *failure = isolate_internal_failure(ISOLATE_STAGE_RUN, -result, ISOLATE_DETAIL_RUN_OUTPUT);
        return result;
    }
}

/* An end that the program did not cause is a failure of the call, and not only an outcome. 0, or -errno. */
static int judge(isolate_result *result, isolate_failure *failure) {
    switch (result->outcome.kind) {
    case ISOLATE_OUTCOME_EXITED:
    case ISOLATE_OUTCOME_SIGNALED:
    case ISOLATE_OUTCOME_LIMIT:
    case ISOLATE_OUTCOME_BLOCKED:
        /* A step that failed after the first limit was met is not the run's end. */
        result->record.failure = isolate_internal_failure(0, 0, 0);
        return 0;
    case ISOLATE_OUTCOME_HOST_OOM:
        *failure = isolate_internal_failure(ISOLATE_STAGE_RUN, ENOMEM, ISOLATE_DETAIL_RUN_HOST_MEMORY);
        break;
    case ISOLATE_OUTCOME_HOST_DISK:
        *failure = isolate_internal_failure(ISOLATE_STAGE_RUN, ENOSPC, ISOLATE_DETAIL_RUN_HOST_DISK);
        break;
    case ISOLATE_OUTCOME_CANCELLED:
        *failure = isolate_internal_failure(ISOLATE_STAGE_RUN, ECANCELED, ISOLATE_DETAIL_RUN_CANCELLED);
        break;
    default:
        *failure = result->record.failure;
        if (failure->stage == 0) /* an end that this version does not know */
            *failure =
                isolate_internal_failure(ISOLATE_STAGE_PROTOCOL, EPROTO, ISOLATE_DETAIL_PROTOCOL_ANSWER);
    }
    return isolate_internal_status(failure);
}

int isolate_sandbox_run(isolate_sandbox *sandbox, const isolate_command *command,
                        const isolate_limits *limits, isolate_result *result, isolate_failure *failure) {
    int pipes[2][2] = {{-1, -1}, {-1, -1}};
    int CLEANUP_CLOSE input = -1;
    isolate_slot_message message;
    *failure = isolate_internal_failure(0, 0, 0);
    memset(result, 0, sizeof *result);
    result->outcome.kind = ISOLATE_OUTCOME_FAILED;
    if (sandbox->supervisor->owner != getpid())
        return isolate_internal_refuse_fork(failure);
    if (sandbox->disk_bytes != limits->disk_bytes) {
        int set = isolate_internal_ask(sandbox, ISOLATE_SET_DISK, limits->disk_bytes, ISOLATE_DISK_SET,
                                       &message, failure);
        if (set < 0)
            return set;
        sandbox->disk_bytes = limits->disk_bytes;
    }
    int status = 0;
    if (command->input != NULL && command->input_bytes > 0)
        status = input = isolate_memory_file(command->input, command->input_bytes);
    for (int i = 0; i < 2 && status >= 0; i++)
        status = isolate_pipe(sandbox->host_uid, 0, pipes[i]);
    uint64_t end_ms = watchdog_time(sandbox, limits);
    if (status >= 0)
        status = send_command(sandbox, command, limits,
                              (int[]){input >= 0 ? input : pipes[0][1], pipes[0][1], pipes[1][1]});
    isolate_internal_close(&pipes[0][1]);
    isolate_internal_close(&pipes[1][1]);
    struct stream streams[2] = {{.fd = pipes[0][0], .bound = command->output_bytes},
                                {.fd = pipes[1][0], .bound = command->output_bytes}};
    if (status >= 0)
        status = follow(sandbox, end_ms, streams, &result->record, failure);
    else
        *failure = isolate_internal_failure(ISOLATE_STAGE_REQUEST, -status, ISOLATE_DETAIL_REQUEST_SEND);
    isolate_internal_close(&streams[0].fd);
    isolate_internal_close(&streams[1].fd);
    result->output = streams[0].bytes;
    result->output_bytes = streams[0].used;
    result->output_truncated = streams[0].exceeded;
    result->error = streams[1].bytes;
    result->error_bytes = streams[1].used;
    result->error_truncated = streams[1].exceeded;
    if (status >= 0) {
        result->outcome = isolate_outcome_of(&result->record, streams[0].exceeded || streams[1].exceeded);
        status = judge(result, failure);
    }
    if (status < 0)
        isolate_result_free(result);
    return status;
}

void isolate_result_free(isolate_result *result) {
    free(result->output);
    free(result->error);
    result->output = result->error = NULL;
    result->output_bytes = result->error_bytes = 0;
}
