/* Handles one question about files at a time: the slot answers it as the program's user, and the agent
 * carries the bytes. Content that the slot is to keep (PLACE) the agent collects in a file in memory, of
 * which the slot gets a descriptor. */
#include "agent/agent_file.h"

#include "agent/agent_slot.h"
#include "agent/agent_stream.h"
#include "failure.h"
#include "sys.h"

/* The file that is being written or read. */
static struct {
    struct isolate_agent_file request;
    struct isolate_status_record answer;
    int fd;
    int is_writing, is_reading;
    uint64_t left;
    int error;
} file = {.fd = -1};

int agent_file_is_writing(void) {
    return file.is_writing;
}

int agent_file_is_reading(void) {
    return file.is_reading;
}

static int is_placing(void) {
    return file.request.file.mode == ISOLATE_FILE_PLACE;
}

/* fd: what the slot is to place; -1: what it keeps already. */
static void ask_to_place(int fd) {
    if (agent_slot_tell_with(&file.request.file, sizeof file.request.file, fd) < 0)
        stream_leave(EXIT_SLOT);
    agent_slot_wait(&file.answer, &file.fd);
    sys_close_fd(&file.fd); /* none comes with this answer */
    agent_slot_note_kept(file.answer.bytes);
}

/* The content is complete, or could not be kept. */
static void finish_placing(void) {
    int CLEANUP_CLOSE content = file.fd;
    file.fd = -1;
    long result = file.error != 0 ? file.error : SYS_CALL_3(__NR_lseek, content, 0, SYS_SEEK_SET);
    file.answer = (struct isolate_status_record){
        .type = ISOLATE_FILE_OPENED,
        .failure = failure_at(result < 0 ? ISOLATE_STAGE_FILE : 0, result, ISOLATE_DETAIL_FILE_WRITE)};
    if (result >= 0)
        ask_to_place(content);
    agent_slot_answer(&file.answer);
    file.is_writing = 0;
}

static void finish_writing(void) {
    if (is_placing()) {
        finish_placing();
        return;
    }
    sys_close_fd(&file.fd);
    if (file.error != 0) { /* no incomplete file is left */
        struct isolate_status_record unused;
        int none = -1;
        file.request.file.mode = ISOLATE_FILE_REMOVE;
        if (file.answer.failure.stage == 0 &&
            agent_slot_tell(&file.request.file, sizeof file.request.file) == 0)
            agent_slot_wait(&unused, &none);
        file.answer.failure = failure_at(ISOLATE_STAGE_FILE, file.error, ISOLATE_DETAIL_FILE_WRITE);
    }
    agent_slot_answer(&file.answer);
    file.is_writing = 0;
}

void agent_file_open(const uint8_t *payload, uint32_t bytes) {
    if (bytes != sizeof file.request || file.is_writing || file.is_reading)
        stream_leave(EXIT_PROTOCOL);
    memcpy(&file.request, payload, bytes);
    file.request.file.type = ISOLATE_OPEN_FILE;
    file.left = file.request.bytes;
    file.error = 0;
    file.fd = -1;
    /* The content comes in frames and not as a descriptor. The agent may hold the file open for writing,
     * since it never forks. */
    file.request.file.flags &= ~(uint32_t)ISOLATE_FILE_COPY;
    int is_write = file.request.file.mode == ISOLATE_FILE_WRITE;
    if (is_placing() && file.left > 0) {
        file.is_writing = 1;
        file.fd = sys_memory_file("kept");
        file.error = file.fd < 0 ? file.fd : 0;
        return;
    }
    if (is_placing()) {
        ask_to_place(-1);
        agent_slot_answer(&file.answer);
        return;
    }
    if (is_write && !agent_slot_has_room(file.left)) {
        file.answer = (struct isolate_status_record){
            .type = ISOLATE_FILE_OPENED,
            .failure = failure_at(ISOLATE_STAGE_FILE, -ENOSPC, ISOLATE_DETAIL_FILE_ROOM)};
        file.is_writing = 1;
        file.error = -ENOSPC;
        if (file.left == 0)
            finish_writing();
        return;
    }
    if (agent_slot_tell(&file.request.file, sizeof file.request.file) < 0)
        stream_leave(EXIT_SLOT);
    agent_slot_wait(&file.answer, &file.fd);
    if (is_write) {
        file.is_writing = 1;
        file.error = file.answer.failure.stage != 0 ? -file.answer.failure.errno_value : 0;
        if (file.left == 0)
            finish_writing();
        return;
    }
    agent_slot_answer(&file.answer);
    file.is_reading = file.fd >= 0; /* the bytes of a file, or a listing */
}

void agent_file_content(const uint8_t *bytes, uint32_t count) {
    if (count > file.left)
        stream_leave(EXIT_PROTOCOL);
    file.left -= count;
    while (count > 0 && file.error == 0) {
        long n = sys_write(file.fd, bytes, count);
        if (n > 0) {
            bytes += n;
            count -= (uint32_t)n;
        } else if (n != -EINTR) {
            file.error = n == 0 ? -EIO : (int)n;
        }
    }
    if (file.left == 0)
        finish_writing();
}

/* Sends as much as there is room for, and no more than was requested, even if the file has grown. */
void agent_file_move(void) {
    while (file.is_reading) {
        uint64_t most = ISOLATE_FRAME_MAX;
        if (file.left < most)
            most = file.left;
        if (stream_room() < most + sizeof(struct isolate_frame))
            return;
        long n = most == 0 ? 0 : sys_read(file.fd, stream_reserve((uint32_t)most), most);
        if (n == -EINTR)
            continue;
        if (n > 0) {
            file.left -= (uint64_t)n;
            stream_commit(ISOLATE_FRAME_FILE, (uint32_t)n);
        } else {
            file.answer.failure = failure_at(n < 0 ? ISOLATE_STAGE_FILE : 0, n, ISOLATE_DETAIL_FILE_READ);
            if (n < 0) /* the error answers in place of the end of the file */
                agent_slot_answer(&file.answer);
            else
                stream_send(ISOLATE_FRAME_FILE, 0, 0);
            sys_close_fd(&file.fd);
            file.is_reading = 0;
        }
    }
}
