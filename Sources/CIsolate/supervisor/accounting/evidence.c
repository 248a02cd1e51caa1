/*
 * Detects limits by the files that a run leaves: a full quota or disk, or a file of exactly the largest size.
 *
 * The kernel counts neither, so the files are the evidence. A program controls the tree, so the walk is
 * bounded in depth and entries, and follows no link.
 */
#include "accounting/evidence.h"

#include <asm/stat.h>
#include <asm/statfs.h>
#include <linux/stat.h>

#include "accounting/container_use.h"
#include "accounting/tree_use.h"
#include "credentials.h"
#include "own_mounts.h"
#include "slot_state.h"
#include "sys.h"

enum { DEPTH_MAX = 8, ENTRIES_MAX = 4096, DISK_LEAST = 1 << 20 };

/* Calls `found` for each entry below a directory, within the bounds; `found` returns 1 to stop. */
struct walk {
    int (*found)(struct walk *walk, const struct stat *status);
    int entries_left;
    uint64_t size, since_ns; /* what is_looked_for looks for */
};

static int walk_tree(struct walk *walk, int parent, const char *name, int depth) {
    int CLEANUP_CLOSE dir = sys_openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (dir < 0)
        return 0;
    struct sys_entries entries;
    const struct sys_entry *entry;
    sys_begin_entries(&entries, dir);
    while ((entry = sys_next_entry(&entries)) != 0) {
        struct stat status;
        if (walk->entries_left-- <= 0)
            return 0;
        if (SYS_CALL_4(__NR_newfstatat, dir, entry->name, &status, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        if (walk->found(walk, &status))
            return 1;
        if (S_ISDIR(status.st_mode) && depth < DEPTH_MAX && walk_tree(walk, dir, entry->name, depth + 1))
            return 1;
    }
    return 0;
}

static int walk_trees(struct walk *walk, const char *const *paths) {
    int is_found = 0;
    for (; *paths != 0 && !is_found; paths++)
        is_found = walk_tree(walk, AT_FDCWD, *paths, 0);
    return is_found;
}

static int is_looked_for(struct walk *walk, const struct stat *status) {
    uint64_t changed = (uint64_t)status->st_mtime * 1000000000u + (uint64_t)status->st_mtime_nsec;
    return S_ISREG(status->st_mode) && (uint64_t)status->st_size == walk->size && changed > walk->since_ns;
}

int disk_is_full(struct slot *slot) {
    struct statfs status;
    if (has_feature(slot, ISOLATE_FEATURE_CONTAINER))
        return container_is_full(slot);
    /* Level minimal has no quota: use above the limit counts as meeting it. */
    if (!has_feature(slot, ISOLATE_FEATURE_NAMESPACES))
        return slot->work >= 0 && tree_use_is_above((int[2]){slot->work, slot->plain.tmp}, slot->disk_bytes);
    if (slot->work < 0 || SYS_CALL_2(__NR_fstatfs, slot->work, &status) < 0)
        return 0;
    return status.f_bfree == 0 || status.f_ffree == 0;
}

int host_disk_is_full(const struct slot *slot) {
    struct statfs status;
    long result = -ENOENT;
    if (has_feature(slot, ISOLATE_FEATURE_CONTAINER))
        result = has_feature(slot, ISOLATE_FEATURE_WRITABLE) ? SYS_CALL_2(__NR_statfs, "/", &status) : result;
    else if (!has_feature(slot, ISOLATE_FEATURE_NAMESPACES) && slot->work >= 0)
        result = SYS_CALL_2(__NR_fstatfs, slot->work, &status);
    if (result < 0 || status.f_blocks == 0)
        return 0;
    /* A file system refuses writes somewhat before its last block is used, and some do not count inodes. */
    return (uint64_t)status.f_bavail * (uint64_t)status.f_bsize < DISK_LEAST ||
           (status.f_files > 0 && status.f_ffree == 0);
}

uint32_t evidence_of_files(struct slot *slot, const struct isolate_ready_record *ready, int has_failed) {
    /* A quota that was full before the run counts for this run only if the run failed, as it does when it
     * finds no space. */
    uint32_t hits = disk_is_full(slot) && (has_failed || !slot->cell.was_full) ? ISOLATE_HIT_DISK : 0;
    const struct isolate_limits *limits = &ready->limits;
    if (!has_failed || limits->file_size_bytes == 0 || limits->file_size_bytes > limits->disk_bytes)
        return hits;
    /* A file counts only if this run wrote it, after its start; the embedder's input files are older. The
     * upper layers of a writable root come last. */
    static const char *const mounts[] = {OWN_SCRATCH "/work", OWN_SCRATCH "/tmp", OWN_SCRATCH "/shm",
                                         OWN_SCRATCH "/upper", 0};
    static const char *const container_mounts[] = {"/work", "/tmp", "/dev/shm", 0};
    struct walk walk = {is_looked_for, ENTRIES_MAX, limits->file_size_bytes, ready->start_date_ns};
    int found = 0;
    if (has_feature(slot, ISOLATE_FEATURE_CONTAINER)) {
        credentials_begin_look(slot); /* the program may have closed its files to other users */
        found = walk_trees(&walk, container_mounts);
        credentials_end_look(slot);
    } else if (has_feature(slot, ISOLATE_FEATURE_NAMESPACES))
        found = walk_trees(&walk, mounts);
    else
        found = walk_tree(&walk, slot->work, ".", 0) || walk_tree(&walk, slot->plain.tmp, ".", 0);
    return found ? hits | ISOLATE_HIT_FILE_SIZE : hits;
}
