/*
 * Limits that leave their mark in the sandbox's own tmpfs: a full quota, a file of exactly the largest size.
 *
 * The kernel counts neither; the mark is the evidence. The tree is hostile, so the look is bounded in depth
 * and entries, and follows no link.
 */
#include <asm/stat.h>
#include <asm/statfs.h>

#include "supervisor.h"

enum { DEPTH_MAX = 8, ENTRIES_MAX = 4096, ENTRY_NAME = 19 /* offset of the name in linux_dirent64 */ };

int scratch_is_full(const struct slot *slot) {
    struct statfs status;
    if (slot->work < 0 || SYS_CALL_2(__NR_fstatfs, slot->work, &status) < 0)
        return 0;
    return status.f_bfree == 0 || status.f_ffree == 0;
}

static int holds_file_of_size(int parent, const char *name, uint64_t size, uint64_t since_ns, int depth,
                              int *entries_left) {
    int CLEANUP_CLOSE dir = sys_openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (dir < 0)
        return 0;
    for (;;) {
        char buffer[1024] __attribute__((aligned(8)));
        long bytes = SYS_CALL_3(__NR_getdents64, dir, buffer, sizeof buffer);
        if (bytes <= 0)
            return 0;
        for (long at = 0; at < bytes;) {
            const char *entry = buffer + at, *entry_name = entry + ENTRY_NAME;
            at += *(const uint16_t *)(const void *)(entry + 16);
            if (entry_name[0] == '.' && (entry_name[1] == 0 || (entry_name[1] == '.' && entry_name[2] == 0)))
                continue;
            if ((*entries_left)-- <= 0)
                return 0;
            struct stat status;
            if (SYS_CALL_4(__NR_newfstatat, dir, entry_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                continue;
            unsigned type = status.st_mode & 0170000;
            uint64_t changed = (uint64_t)status.st_mtime * 1000000000u + (uint64_t)status.st_mtime_nsec;
            if (type == 0100000 && (uint64_t)status.st_size == size && changed > since_ns)
                return 1;
            if (type == 0040000 && depth < DEPTH_MAX &&
                holds_file_of_size(dir, entry_name, size, since_ns, depth + 1, entries_left))
                return 1;
        }
    }
}

uint32_t evidence_of_files(struct slot *slot, const struct isolate_ready_record *ready, int has_failed) {
    /* A quota that was full before is this run's only if it failed, as one does that finds no room. */
    uint32_t hits = scratch_is_full(slot) && (has_failed || !slot->was_full) ? ISOLATE_HIT_DISK : 0;
    const struct isolate_limits *limits = &ready->limits;
    int entries = ENTRIES_MAX;
    /* A writable root's own files come last, in its upper layers. */
    static const char *const places[] = {"/run/work", "/run/tmp", "/run/shm", "/run/upper"};
    int is_bounded = limits->file_size_bytes > 0 && limits->file_size_bytes <= limits->disk_bytes;
    for (unsigned i = 0; i < sizeof places / sizeof places[0] && has_failed && is_bounded; i++)
        /* Written by this run: the embedder's input is older. */
        if (holds_file_of_size(AT_FDCWD, places[i], limits->file_size_bytes, ready->start_date_ns, 0,
                               &entries))
            hits |= ISOLATE_HIT_FILE_SIZE;
    return hits;
}
