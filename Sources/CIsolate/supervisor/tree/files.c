/*
 * Files of /work for the embedder. The slot opens a file, and the embedder reads or writes it through the
 * descriptor; the slot itself lists and makes directories, makes links, and removes.
 *
 * The slot does this as the program's user, so that new files belong to the program and its rights and quota
 * apply. The tree is hostile: the slot follows no symbolic link, crosses no mount and reaches nothing above
 * /work (beneath.h). It hands out only regular files, because the descriptor of a device, FIFO or directory
 * would give access to more than its bytes.
 */
#include "tree/files.h"

#include <asm/stat.h>
#include <linux/stat.h>

#include "credentials.h"
#include "failure.h"
#include "slot_state.h"
#include "sys.h"
#include "text.h"
#include "tree/beneath.h"
#include "tree/kept_files.h"
#include "tree/kept_store.h"
#include "tree/listing.h"
#include "tree/removal.h"

enum { PERMISSION_BITS = S_IRWXU | S_IRWXG | S_IRWXO };

/* Opens a file that has `offset` bytes and positions it there. -ESTALE: it has fewer, so the program replaced
 * or truncated it. */
static int open_for_more(int work, const char *path, uint64_t offset) {
    struct stat status;
    int fd = beneath_open_regular(work, path, O_WRONLY, &status);
    if (fd < 0)
        return fd;
    long result =
        (uint64_t)status.st_size < offset ? -ESTALE : SYS_CALL_3(__NR_lseek, fd, offset, SYS_SEEK_SET);
    if (result < 0) {
        sys_close_fd(&fd);
        return (int)result;
    }
    return fd;
}

static int open_for_write(int work, const struct isolate_file_record *record) {
    return record->offset == 0
               ? beneath_create(work, record->path, (record->flags & ISOLATE_FILE_EXECUTABLE) != 0)
               : open_for_more(work, record->path, record->offset);
}

/* Copies the content in the slot. The embedder must not hold an executable open for writing: if one of its
 * threads forked at that moment, the program's exec would fail (ETXTBSY) for as long as the fork lives. */
static int write_copy(int work, const struct isolate_file_record *record, int content) {
    int CLEANUP_CLOSE fd = content < 0 ? -EBADF : open_for_write(work, record);
    return beneath_fill(work, record->path, fd, content);
}

static int open_for_read(int work, const struct isolate_file_record *record,
                         struct isolate_status_record *answer) {
    struct stat status;
    int fd = beneath_open_regular(work, record->path, O_RDONLY, &status);
    if (fd < 0)
        return fd;
    long result = record->offset == 0 ? 0 : SYS_CALL_3(__NR_lseek, fd, record->offset, SYS_SEEK_SET);
    if (result < 0) {
        sys_close_fd(&fd);
        return (int)result;
    }
    answer->bytes = (uint64_t)status.st_size;
    answer->value = (int32_t)(status.st_mode & PERMISSION_BITS);
    answer->identity = status.st_ino;
    return fd;
}

static int make_directory(int work, const char *path) {
    const char *last = 0;
    int CLEANUP_CLOSE dir = beneath_open_parent(work, path, 1, &last);
    int result = dir < 0 ? dir : (int)SYS_CALL_3(__NR_mkdirat, dir, last, 0755);
    if (result != -EEXIST)
        return result;
    int CLEANUP_CLOSE there = beneath_open(dir, last, O_PATH | O_DIRECTORY, 0);
    return there < 0 ? -EEXIST : 0;
}

/* Makes a link that belongs to the program. The slot does not look up its target. */
static int make_link(int work, const struct isolate_file_record *record) {
    const char *last = 0, *target = record->path + text_length(record->path) + 1;
    if (target >= record->path + sizeof record->path)
        return -EINVAL;
    int CLEANUP_CLOSE dir = beneath_open_parent(work, record->path, 1, &last);
    int result = dir < 0 ? dir : (int)SYS_CALL_3(__NR_unlinkat, dir, last, 0);
    if (result < 0 && result != -ENOENT)
        return result;
    return (int)SYS_CALL_3(__NR_symlinkat, target, dir, last);
}

/* Does what the record requests. *fd: the descriptor to hand out, if there is one. */
static int perform(int work, const struct isolate_file_record *record, int content, int *fd,
                   struct isolate_status_record *answer) {
    int result;
    switch (record->mode) {
    case ISOLATE_FILE_READ:
        return *fd = open_for_read(work, record, answer);
    case ISOLATE_FILE_WRITE:
        return record->flags & ISOLATE_FILE_COPY ? write_copy(work, record, content)
                                                 : (*fd = open_for_write(work, record));
    case ISOLATE_FILE_REMOVE:
        result = removal_remove(work, record->path);
        answer->value = result == 1;
        return result;
    case ISOLATE_FILE_LIST:
        return *fd = listing_open(work, record->path, record->offset, &answer->bytes);
    case ISOLATE_FILE_DESCRIBE:
        return *fd = listing_describe(work, record->path);
    case ISOLATE_FILE_DIRECTORY:
        return make_directory(work, record->path);
    case ISOLATE_FILE_LINK:
        return make_link(work, record);
    default:
        return -EINVAL;
    }
}

static struct isolate_failure file_open(struct slot *slot, const struct isolate_file_record *record,
                                        int content, int *fd, struct isolate_status_record *answer) {
    int result = -EBADF;
    *fd = -1;
    if (slot->work < 0 || record->path[0] == 0)
        return failure_at(ISOLATE_STAGE_FILE, result, ISOLATE_DETAIL_FILE_OPEN);
    int is_new = record->mode == ISOLATE_FILE_WRITE && record->offset == 0;
    if (record->mode == ISOLATE_FILE_PLACE) {
        result = kept_place(slot, record, content, &answer->value);
    } else if (record->mode == ISOLATE_FILE_WITHDRAW) {
        result = kept_withdraw(slot);
    } else {
        /* Whoever looks into /work finds the placed files' own content there. */
        if (!is_new)
            kept_settle(slot);
        /* Takes the ids that the file system checks from the program, and drops the slot's capabilities. */
        credentials_act_as_program(slot);
        result = perform(slot->work, record, content, fd, answer);
        credentials_act_as_slot(slot);
    }
    return failure_at(result < 0 ? ISOLATE_STAGE_FILE : 0, result, ISOLATE_DETAIL_FILE_OPEN);
}

void file_refuse(struct slot *slot, long result) {
    struct isolate_status_record answer = {
        .type = ISOLATE_FILE_OPENED,
        .bytes = kept_store_bytes(), /* only PLACE brings a descriptor */
        .failure = failure_at(ISOLATE_STAGE_FILE, result, ISOLATE_DETAIL_FILE_DESCRIPTORS)};
    if (sys_send_blocking(slot->control, &answer, sizeof answer, 0, 0) < 0)
        sys_exit(0); /* the embedder is gone */
}

void file_answer(struct slot *slot, struct isolate_file_record *record, int content) {
    struct isolate_status_record answer = {.type = ISOLATE_FILE_OPENED};
    int CLEANUP_CLOSE fd = -1;
    record->path[ISOLATE_PATH_BYTES - 1] = 0;
    answer.failure = file_open(slot, record, content, &fd, &answer);
    if (record->mode == ISOLATE_FILE_PLACE)
        answer.bytes = kept_store_bytes();
    if (sys_send_blocking(slot->control, &answer, sizeof answer, &fd, fd >= 0 ? 1 : 0) < 0)
        sys_exit(0); /* the embedder is gone */
}
