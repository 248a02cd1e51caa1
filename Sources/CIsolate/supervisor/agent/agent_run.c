/*
 * The streams of one run: pipes to the program on one side, frames to the embedder on the other.
 *
 * Output is kept up to its bound; the first byte beyond it ends the run. Output for which the embedder gave
 * no credit stays in the pipe, and the program's writes block, as with any slow reader.
 */
#include "agent/agent_run.h"

#include "agent/agent_stream.h"
#include "sys.h"

/* A packet of a pipe in packet mode (O_DIRECT) has at most a page; bytes beyond a read's size would be
 * lost. */
enum { STREAMS = 2, PACKET_BYTES = 16 << 10 };

/* How frames name each output. */
static const struct {
    uint32_t stream, frame, exceeded;
} outputs[STREAMS] = {
    {ISOLATE_AGENT_STDOUT, ISOLATE_FRAME_STDOUT, ISOLATE_AGENT_STDOUT_EXCEEDED},
    {ISOLATE_AGENT_STDERR, ISOLATE_FRAME_STDERR, ISOLATE_AGENT_STDERR_EXCEEDED},
};

static struct {
    int out[STREAMS];
    uint64_t left[STREAMS]; /* of the bound */
    uint64_t credit[STREAMS];
    uint32_t exceeded;
    int input; /* -1: none, or closed */
    int has_input_end;
    uint32_t pending_begin, pending_end;
} run = {.out = {-1, -1}, .input = -1};

static uint8_t pending[ISOLATE_AGENT_INPUT_WINDOW];

/* Of the next run, made in advance. */
static struct { int ours, theirs; } spare[STREAMS] = {{-1, -1}, {-1, -1}};

/* The agent's end never blocks; any user may reopen the program's end through /proc/self/fd. */
static int make_pipe(int our_end, int *ours, int *theirs) {
    int ends[2];
    long result = SYS_CALL_2(__NR_pipe2, ends, O_CLOEXEC);
    if (result < 0)
        return (int)result;
    *ours = ends[our_end];
    *theirs = ends[1 - our_end];
    SYS_CALL_2(__NR_fchmod, *theirs, 0666);
    return (int)SYS_CALL_3(__NR_fcntl, *ours, F_SETFL, O_NONBLOCK);
}

static void forget_spare(int i) {
    sys_close_fd(&spare[i].ours);
    sys_close_fd(&spare[i].theirs);
}

void agent_run_make_ready(void) {
    /* A pipe that cannot be made now is made with the run, or fails then. */
    for (int i = 0; i < STREAMS; i++)
        if (spare[i].ours < 0 && run.out[i] < 0 && make_pipe(0, &spare[i].ours, &spare[i].theirs) < 0)
            forget_spare(i);
}

static int take_pipe(int i, int *theirs) {
    int result = spare[i].ours >= 0 ? 0 : make_pipe(0, &spare[i].ours, &spare[i].theirs);
    if (result < 0) {
        forget_spare(i);
        return result;
    }
    run.out[i] = spare[i].ours;
    *theirs = spare[i].theirs;
    spare[i].ours = spare[i].theirs = -1;
    return 0;
}

int agent_run_open(const struct isolate_agent_run *request, int input_file, int theirs[3]) {
    int result = 0;
    agent_run_close();
    theirs[0] = theirs[1] = theirs[2] = -1;
    run.exceeded = 0;
    run.has_input_end = 0;
    run.pending_begin = run.pending_end = 0;
    for (int i = 0; i < STREAMS && result >= 0; i++) {
        run.left[i] = request->output_bytes;
        run.credit[i] = request->credit[i];
        result = take_pipe(i, &theirs[i + 1]);
    }
    if (result >= 0 && request->input_streams)
        result = make_pipe(1, &run.input, &theirs[0]);
    else if (result >= 0) /* with NO_INPUT the program opens its own /dev/null and ignores this descriptor */
        result = theirs[0] =
            (int)SYS_CALL_3(__NR_fcntl, input_file >= 0 ? input_file : theirs[1], F_DUPFD_CLOEXEC, 0);
    return result < 0 ? result : 0;
}

void agent_run_close(void) {
    for (int i = 0; i < STREAMS; i++)
        sys_close_fd(&run.out[i]);
    sys_close_fd(&run.input);
}

uint32_t agent_run_exceeded(void) {
    return run.exceeded;
}

void agent_run_credit(uint32_t stream, uint32_t bytes) {
    for (int i = 0; i < STREAMS; i++)
        if (outputs[i].stream == stream && bytes == 0)
            sys_close_fd(&run.out[i]); /* the program's next write gets EPIPE */
        else if (outputs[i].stream == stream)
            run.credit[i] += bytes;
}

static void tell_taken(uint32_t bytes) {
    struct isolate_agent_credit taken = {ISOLATE_AGENT_STDIN, bytes};
    if (bytes > 0)
        stream_send(ISOLATE_FRAME_INPUT_TAKEN, &taken, sizeof taken);
}

/* Discards input that no process will read, and reports it as taken, so that the embedder does not wait; and
 * that no more is wanted. */
static void drop_input(void) {
    struct isolate_agent_credit closed = {ISOLATE_AGENT_STDIN, 0};
    tell_taken(run.pending_end - run.pending_begin);
    run.pending_begin = run.pending_end = 0;
    sys_close_fd(&run.input);
    stream_send(ISOLATE_FRAME_INPUT_TAKEN, &closed, sizeof closed);
}

static void move_input(void) {
    uint32_t taken = 0;
    while (run.input >= 0 && run.pending_begin < run.pending_end) {
        long n = sys_write(run.input, pending + run.pending_begin, run.pending_end - run.pending_begin);
        if (n == -EAGAIN)
            break;
        if (n < 0 && n != -EINTR) {
            drop_input();
        } else if (n > 0) {
            taken += (uint32_t)n;
            run.pending_begin += (uint32_t)n;
        }
    }
    tell_taken(taken);
    if (run.pending_begin == run.pending_end && run.has_input_end)
        sys_close_fd(&run.input);
}

void agent_run_input(const uint8_t *bytes, uint32_t count) {
    if (run.input < 0) {
        tell_taken(count);
        return;
    }
    if (run.pending_begin > 0) {
        stream_shift(pending, &run.pending_begin, &run.pending_end);
    }
    if (count > sizeof pending - run.pending_end)
        sys_exit(EXIT_PROTOCOL); /* more than the window allows: the peer does not follow the protocol */
    memcpy(pending + run.pending_end, bytes, count);
    run.pending_end += count;
    run.has_input_end |= count == 0;
    move_input();
}

unsigned agent_run_poll(struct sys_pollfd *fds) {
    unsigned count = 0;
    uint32_t room = stream_room();
    for (int i = 0; i < STREAMS; i++)
        if (run.out[i] >= 0 && room >= PACKET_BYTES && (run.credit[i] > 0 || run.left[i] == 0))
            fds[count++] = (struct sys_pollfd){run.out[i], SYS_POLLIN, 0};
    if (run.input >= 0 && run.pending_begin < run.pending_end)
        fds[count++] = (struct sys_pollfd){run.input, SYS_POLLOUT, 0};
    return count;
}

/* Reads once. Returns the bytes read, 0 at the end, -EAGAIN when the pipe is empty, -ENOBUFS when it must
 * wait for credit or room. The last read for a credit may exceed it by a packet. */
static long move_output(int i, uint64_t credit, int *has_exceeded) {
    uint64_t most = ISOLATE_FRAME_MAX;
    uint32_t room = stream_room();
    if (credit == 0 || room < PACKET_BYTES)
        return -ENOBUFS;
    if (credit < most)
        most = credit < PACKET_BYTES ? PACKET_BYTES : credit;
    if (room < most)
        most = room;
    uint8_t *to = stream_reserve((uint32_t)most);
    long n = sys_read(run.out[i], to, most);
    if (n <= 0)
        return n;
    uint64_t kept = (uint64_t)n < run.left[i] ? (uint64_t)n : run.left[i];
    run.left[i] -= kept;
    if (kept > 0)
        stream_commit(outputs[i].frame, (uint32_t)kept);
    if (kept < (uint64_t)n) {
        *has_exceeded |= (run.exceeded & outputs[i].exceeded) == 0;
        run.exceeded |= outputs[i].exceeded;
    } else {
        run.credit[i] = run.credit[i] > kept ? run.credit[i] - kept : 0;
    }
    return n;
}

int agent_run_move(void) {
    int has_exceeded = 0;
    move_input();
    for (int i = 0; i < STREAMS; i++) {
        /* Bytes beyond the bound are discarded, so they need no credit. */
        uint64_t credit = run.left[i] == 0 ? ISOLATE_FRAME_MAX : run.credit[i];
        long n = run.out[i] < 0 ? -EAGAIN : move_output(i, credit, &has_exceeded);
        if (n == 0) { /* no process has it open any more */
            sys_close_fd(&run.out[i]);
            stream_send(outputs[i].frame, "", 0);
        }
    }
    return has_exceeded;
}

int agent_run_drain(void) {
    int has_exceeded = 0;
    for (int i = 0; i < STREAMS; i++)
        while (run.out[i] >= 0) {
            long n = move_output(i, ~0ull, &has_exceeded);
            if (n == -ENOBUFS)
                return 0;
            if (n <= 0 && n != -EINTR)
                sys_close_fd(&run.out[i]);
        }
    /* The program has ended, so its remaining input is discarded. */
    if (run.input >= 0)
        drop_input();
    return 1;
}
