#include "tree/listing.h"

#include <asm/stat.h>
#include <linux/stat.h>

#include "isolate_protocol.h"
#include "sys.h"
#include "text.h"
#include "tree/beneath.h"

enum { NAME_BYTES = 255, TARGET_BYTES = 4095 };
/* The size of the largest entry: a part of a listing ends when there is no room for one. */
enum { ENTRY_BYTES = sizeof(struct isolate_entry) + NAME_BYTES + TARGET_BYTES };

/* A part of a listing. The slot makes one at a time. */
static struct {
    char bytes[ISOLATE_LIST_BYTES];
    size_t used;
} part;

/* A program may set any time, also one that nanoseconds have no room for: the nearest that they have. */
static int64_t nanoseconds(int64_t seconds, int64_t rest) {
    enum { PER_SECOND = 1000000000 };
    if (seconds > INT64_MAX / PER_SECOND - 1)
        return INT64_MAX;
    if (seconds < INT64_MIN / PER_SECOND + 1)
        return INT64_MIN;
    return seconds * PER_SECOND + rest;
}

/* Adds an entry with the name `name`; asks the kernel for `path`. */
static int add(int dir, const char *path, const char *name) {
    struct stat status;
    struct isolate_entry entry = {0};
    char *text = part.bytes + part.used + sizeof entry;
    int result = (int)SYS_CALL_4(__NR_newfstatat, dir, path, &status, AT_SYMLINK_NOFOLLOW);
    if (result < 0)
        return result;
    entry.mode = status.st_mode;
    entry.bytes = (uint64_t)status.st_size;
    entry.modified_ns = nanoseconds((int64_t)status.st_mtime, (int64_t)status.st_mtime_nsec);
    entry.name_bytes = (uint16_t)text_length(name);
    memcpy(text, name, entry.name_bytes);
    if (S_ISLNK(status.st_mode)) {
        long n = SYS_CALL_4(__NR_readlinkat, dir, path, text + entry.name_bytes, TARGET_BYTES);
        if (n < 0)
            return (int)n;
        entry.target_bytes = (uint16_t)n;
    }
    memcpy(part.bytes + part.used, &entry, sizeof entry);
    part.used += sizeof entry + entry.name_bytes + entry.target_bytes;
    return 0;
}

/* Uses the slot's memory and not the run's, so that a sandbox whose disk is full can be listed. */
static int as_memory_file(void) {
    int fd = sys_memory_file("listing");
    for (size_t done = 0; fd >= 0 && done < part.used;) {
        long n = sys_write(fd, part.bytes + done, part.used - done);
        if (n > 0) {
            done += (size_t)n;
        } else if (n != -EINTR) {
            sys_close(fd);
            return n == 0 ? -EIO : (int)n;
        }
    }
    if (fd >= 0)
        SYS_CALL_3(__NR_lseek, fd, 0, SYS_SEEK_SET);
    return fd;
}

int listing_open(int work, const char *path, uint64_t offset, uint64_t *next) {
    struct sys_entries entries;
    const struct sys_entry *entry;
    int CLEANUP_CLOSE dir = beneath_open(work, path, O_RDONLY | O_DIRECTORY, 0);
    if (dir < 0)
        return dir;
    part.used = 0;
    *next = 0;
    if (offset != 0 && SYS_CALL_3(__NR_lseek, dir, offset, SYS_SEEK_SET) < 0)
        return -EINVAL;
    sys_begin_entries(&entries, dir);
    while ((entry = sys_next_entry(&entries)) != 0) {
        int result = add(dir, entry->name, entry->name);
        if (result < 0 && result != -ENOENT) /* gone since it was listed: the program may be running */
            return result;
        if (part.used + ENTRY_BYTES > sizeof part.bytes) {
            *next = (uint64_t)entry->offset;
            return as_memory_file();
        }
    }
    return entries.result < 0 ? entries.result : as_memory_file();
}

int listing_describe(int work, const char *path) {
    const char *last = 0;
    int CLEANUP_CLOSE dir = beneath_open_parent(work, path, 0, &last);
    if (dir < 0)
        return dir;
    part.used = 0;
    int result = add(dir, last, "");
    return result < 0 ? result : as_memory_file();
}
