/* The agent's stream: frames in and out of two buffers, over the descriptors that the engine connected. */
#include "agent/agent_stream.h"

#include "sys.h"

static struct {
    int in, out;
    uint8_t received[STREAM_IN_BYTES];
    uint32_t begin, end;
    uint8_t queued[STREAM_OUT_BYTES];
    uint32_t sent, used;
} stream;

void stream_shift(uint8_t *buffer, uint32_t *begin, uint32_t *end) {
    for (uint32_t i = *begin; i < *end; i++)
        buffer[i - *begin] = buffer[i];
    *end -= *begin;
    *begin = 0;
}

static int set_nonblocking(int fd) {
    long flags = SYS_CALL_2(__NR_fcntl, fd, F_GETFL);
    return flags < 0 ? (int)flags : (int)SYS_CALL_3(__NR_fcntl, fd, F_SETFL, flags | O_NONBLOCK);
}

int stream_open(void) {
    stream.in = (int)SYS_CALL_3(__NR_fcntl, 0, F_DUPFD_CLOEXEC, 16);
    stream.out = (int)SYS_CALL_3(__NR_fcntl, 1, F_DUPFD_CLOEXEC, 16);
    int null_device = sys_openat(AT_FDCWD, "/dev/null", O_RDWR, 0);
    if (stream.in < 0 || stream.out < 0 || null_device < 0)
        return -EBADF;
    for (int fd = 0; fd < 3; fd++)
        if (null_device != fd)
            SYS_CALL_3(__NR_dup3, null_device, fd, 0);
    if (null_device > 2)
        sys_close(null_device);
    int result = set_nonblocking(stream.in);
    return result < 0 ? result : set_nonblocking(stream.out);
}

int stream_in(void) {
    return stream.in;
}

int stream_out(void) {
    return stream.out;
}

void stream_fill(void) {
    if (stream.begin > 0) /* the rest is less than a frame, usually nothing */
        stream_shift(stream.received, &stream.begin, &stream.end);
    long n = sys_read(stream.in, stream.received + stream.end, sizeof stream.received - stream.end);
    if (n == 0 || (n < 0 && n != -EAGAIN && n != -EINTR))
        sys_exit(0); /* this is pid 1, so every process of the container ends with it */
    if (n > 0)
        stream.end += (uint32_t)n;
}

const struct isolate_frame *stream_next(const uint8_t **payload) {
    static struct isolate_frame header;
    if (stream.end - stream.begin < sizeof header)
        return 0;
    memcpy(&header, stream.received + stream.begin, sizeof header);
    if (header.bytes > ISOLATE_FRAME_MAX)
        sys_exit(EXIT_PROTOCOL);
    if (stream.end - stream.begin < sizeof header + header.bytes)
        return 0;
    *payload = stream.received + stream.begin + sizeof header;
    stream.begin += (uint32_t)sizeof header + header.bytes;
    return &header;
}

const struct isolate_frame *stream_wait(const uint8_t **payload) {
    const struct isolate_frame *frame;
    while ((frame = stream_next(payload)) == 0) {
        struct sys_pollfd fd = {stream.in, SYS_POLLIN, 0};
        sys_poll(&fd, 1, -1);
        stream_fill();
    }
    return frame;
}

static uint32_t free_bytes(void) {
    if (stream.sent == stream.used)
        stream.sent = stream.used = 0;
    return STREAM_OUT_BYTES - stream.used;
}

uint32_t stream_room(void) {
    uint32_t least = STREAM_RESERVE + (uint32_t)sizeof(struct isolate_frame), room = free_bytes();
    return room > least ? room - least : 0;
}

uint8_t *stream_reserve(uint32_t most) {
    return free_bytes() < most + sizeof(struct isolate_frame)
               ? 0
               : stream.queued + stream.used + sizeof(struct isolate_frame);
}

void stream_commit(uint32_t type, uint32_t bytes) {
    struct isolate_frame header = {type, bytes};
    memcpy(stream.queued + stream.used, &header, sizeof header);
    stream.used += (uint32_t)sizeof header + bytes;
}

void stream_send(uint32_t type, const void *payload, uint32_t bytes) {
    uint8_t *to;
    while ((to = stream_reserve(bytes)) == 0) { /* the embedder does not read, so the agent waits */
        struct sys_pollfd fd = {stream.out, SYS_POLLOUT, 0};
        sys_poll(&fd, 1, -1);
        stream_flush();
    }
    memcpy(to, payload, bytes);
    stream_commit(type, bytes);
}

int stream_has_output(void) {
    return stream.sent < stream.used;
}

void stream_flush(void) {
    while (stream.sent < stream.used) {
        long n = sys_write(stream.out, stream.queued + stream.sent, stream.used - stream.sent);
        if (n == -EAGAIN)
            return;
        if (n < 0 && n != -EINTR)
            sys_exit(0); /* the embedder is gone */
        if (n > 0)
            stream.sent += (uint32_t)n;
    }
    stream.sent = stream.used = 0;
}

void stream_leave(int code) {
    stream_flush();
    sys_exit(code);
}
