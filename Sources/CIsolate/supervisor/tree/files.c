/*
 * Opens a file of /work for the embedder, which then reads or writes it through the descriptor.
 *
 * The slot does it as the program's user, so that the file belongs to the program and its rights and quota
 * apply. The tree is hostile: no symbolic link is followed, no mount crossed, nothing above /work reached,
 * and only regular files are handed out, never a device, FIFO or directory whose descriptor would mean more
 * than its bytes.
 */
#include "tree/files.h"

#include <asm/stat.h>
#include <linux/openat2.h>
#include <linux/stat.h>

#include "credentials.h"
#include "failure.h"
#include "slot_state.h"
#include "sys.h"

enum { COPY_AT_ONCE = 1 << 30 };
enum { PERMISSION_BITS = S_IRWXU | S_IRWXG | S_IRWXO };

static int open_beneath(int dir, const char *path, int flags, int mode) {
    struct open_how how = {.flags = (uint64_t)flags | O_CLOEXEC,
                           .mode = (flags & O_CREAT) ? (uint64_t)mode : 0,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
                                      RESOLVE_NO_XDEV};
    return (int)SYS_CALL_4(__NR_openat2, dir, path, &how, sizeof how);
}

/* Opens the directory that holds the last part of the path, making what is missing. */
static int open_parent(int work, const char *path, int may_create, const char **last) {
    int dir = open_beneath(work, ".", O_PATH | O_DIRECTORY, 0);
    const char *part = path;
    while (dir >= 0) {
        char name[256];
        size_t n = 0;
        while (part[n] != 0 && part[n] != '/' && n + 1 < sizeof name) {
            name[n] = part[n];
            n++;
        }
        if (part[n] == 0) {
            *last = part;
            return dir;
        }
        if (part[n] != '/') {
            sys_close(dir);
            return -ENAMETOOLONG;
        }
        name[n] = 0;
        if (may_create)
            SYS_CALL_3(__NR_mkdirat, dir, name,
                       0755); /* EEXIST is the usual answer; the open below tells the rest */
        int next = open_beneath(dir, n == 0 ? "." : name, O_PATH | O_DIRECTORY, 0);
        sys_close(dir);
        dir = next;
        part += n + 1;
    }
    return dir;
}

static int open_for_write(int work, const char *path, int executable) {
    const char *last = 0;
    int CLEANUP_CLOSE dir = open_parent(work, path, 1, &last);
    if (dir < 0)
        return dir;
    /* A new inode: no process can hold the old one open or mapped, and no hard link leads to it. */
    int result = (int)SYS_CALL_3(__NR_unlinkat, dir, last, 0);
    if (result < 0 && result != -ENOENT)
        return result;
    int fd = open_beneath(dir, last, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd >= 0)
        SYS_CALL_2(__NR_fchmod, fd, executable ? 0755 : 0644);
    return fd;
}

/* The embedder never holds an executable open for writing: a thread of it that forks in that moment would
 * keep the program from being executed (ETXTBSY) for as long as the fork lives. */
static int write_executable(int work, const char *path, int content) {
    const char *last = 0;
    int CLEANUP_CLOSE fd = content < 0 ? -EBADF : open_for_write(work, path, 1);
    long n = fd;
    while (n >= 0 && (n = SYS_CALL_4(__NR_sendfile, fd, content, 0, COPY_AT_ONCE)) > 0) {
    }
    if (n < 0 && fd >= 0) { /* a part of a program is worse than none */
        int CLEANUP_CLOSE dir = open_parent(work, path, 0, &last);
        SYS_CALL_3(__NR_unlinkat, dir, last, 0);
    }
    return (int)n;
}

static int remove_file(int work, const char *path) {
    const char *last = 0;
    int CLEANUP_CLOSE dir = open_parent(work, path, 0, &last);
    return dir < 0 ? dir : (int)SYS_CALL_3(__NR_unlinkat, dir, last, 0);
}

static int open_for_read(int work, const char *path, struct isolate_status_record *answer) {
    const char *last = 0;
    int CLEANUP_CLOSE dir = open_parent(work, path, 0, &last);
    if (dir < 0)
        return dir;
    int fd = open_beneath(dir, last, O_PATH, 0);
    struct stat status;
    int result = fd < 0 ? fd : (int)SYS_CALL_2(__NR_fstat, fd, &status);
    sys_close_fd(&fd);
    if (result < 0)
        return result;
    if (!S_ISREG(status.st_mode))
        return S_ISDIR(status.st_mode) ? -EISDIR : -ENXIO;
    /* It may have been replaced meanwhile: O_NONBLOCK keeps a FIFO from stopping us, and the type is asked
     * again. */
    fd = open_beneath(dir, last, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    result = fd < 0 ? fd : (int)SYS_CALL_2(__NR_fstat, fd, &status);
    if (result == 0 && !S_ISREG(status.st_mode))
        result = -ENXIO;
    if (result < 0) {
        sys_close_fd(&fd);
        return result;
    }
    answer->bytes = (uint64_t)status.st_size;
    answer->value = (int32_t)(status.st_mode & PERMISSION_BITS);
    return fd;
}

static struct isolate_failure file_open(struct slot *slot, const struct isolate_file_record *record,
                                        int content, int *fd, struct isolate_status_record *answer) {
    int result = -EBADF;
    *fd = -1;
    if (slot->work >= 0 && record->path[0] != 0) {
        /* As the program: the ids that the file system checks, without the slot's capabilities. */
        credentials_act_as_program(slot);
        switch (record->mode) {
        case ISOLATE_FILE_READ:
            *fd = open_for_read(slot->work, record->path, answer);
            break;
        case ISOLATE_FILE_REMOVE:
            result = remove_file(slot->work, record->path);
            break;
        case ISOLATE_FILE_WRITE_EXECUTABLE:
            result = write_executable(slot->work, record->path, content);
            break;
        default:
            *fd = open_for_write(slot->work, record->path, record->mode == ISOLATE_FILE_WRITE_PROGRAM);
        }
        if (record->mode != ISOLATE_FILE_REMOVE && record->mode != ISOLATE_FILE_WRITE_EXECUTABLE)
            result = *fd;
        credentials_act_as_slot(slot);
    }
    return failure_at(result < 0 ? ISOLATE_STAGE_FILE : 0, result, ISOLATE_DETAIL_FILE_OPEN);
}

void file_refuse(struct slot *slot, long result) {
    struct isolate_status_record answer = {
        .type = ISOLATE_FILE_OPENED,
        .failure = failure_at(ISOLATE_STAGE_FILE, result, ISOLATE_DETAIL_FILE_DESCRIPTORS)};
    if (sys_send_blocking(slot->control, &answer, sizeof answer, 0, 0) < 0)
        sys_exit(0); /* the embedder is gone */
}

void file_answer(struct slot *slot, struct isolate_file_record *record, int content) {
    struct isolate_status_record answer = {.type = ISOLATE_FILE_OPENED};
    int CLEANUP_CLOSE fd = -1;
    record->path[ISOLATE_PATH_BYTES - 1] = 0;
    answer.failure = file_open(slot, record, content, &fd, &answer);
    if (sys_send_blocking(slot->control, &answer, sizeof answer, &fd, fd >= 0 ? 1 : 0) < 0)
        sys_exit(0); /* the embedder is gone */
}
