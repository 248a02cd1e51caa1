/*
 * Counts the bytes of a tree's files, where no quota does.
 *
 * A program owns the tree and may change it during the walk: the walk is bounded in entries, follows no link,
 * and can be made in steps.
 */
#include "accounting/tree_use.h"

#include <asm/stat.h>
#include <linux/stat.h>

#include "credentials.h"
#include "slot_state.h"
#include "sys.h"

enum { COUNTED_MAX = 16384, MOVED_LOOKS_MAX = 8, STEP_ENTRIES = 256, ALL_ENTRIES = 0x7fffffff };

/* Counts a tree of any depth with two descriptors and without recursion. */
struct count {
    uint64_t bytes;
    uint64_t since_ns, device; /* for a root file system: counts only changes since then, on this device */
    int entries;
    int entries_left; /* of this step */
    int is_cut;       /* the tree has a part that cannot be read */
    int is_moved;     /* a directory on the path was moved during the walk */
};

/* For each directory on the path: where its listing continues, and its inode. There is one walk at a time: a
 * slot that walks a container's root in steps walks no other tree. */
struct level {
    int64_t offset;
    uint64_t inode;
};
static struct level levels[COUNTED_MAX + 1];

static uint64_t inode_of(int dir) {
    struct stat status = {0};
    SYS_CALL_2(__NR_fstat, dir, &status);
    return status.st_ino;
}

/* Adds up entries until it finds a directory, which it opens. -ENOENT after the last entry, -EAGAIN at the
 * end of the step. */
static int next_directory(int dir, struct level *level, struct count *count) {
    struct sys_entries entries;
    const struct sys_entry *entry;
    SYS_CALL_3(__NR_lseek, dir, level->offset, SYS_SEEK_SET);
    sys_begin_entries(&entries, dir);
    while ((entry = sys_next_entry(&entries)) != 0) {
        struct stat status;
        if (count->entries_left-- <= 0)
            return -EAGAIN;
        level->offset = entry->offset;
        if (SYS_CALL_4(__NR_newfstatat, dir, entry->name, &status, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        int is_directory = S_ISDIR(status.st_mode);
        /* Only the kernel sets this time; a program cannot. */
        uint64_t changed = (uint64_t)status.st_ctime * 1000000000u + (uint64_t)status.st_ctime_nsec;
        if (count->device != 0 && is_directory && status.st_dev != count->device)
            continue;
        int is_counted = count->since_ns == 0 || changed >= count->since_ns;
        if (is_counted)
            count->bytes += (uint64_t)status.st_blocks * 512;
        if (is_counted && ++count->entries >= COUNTED_MAX) {
            count->is_cut = 1;
            return -ENOENT;
        }
        if (!is_directory)
            continue;
        int below = sys_openat(dir, entry->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
        if (below >= 0)
            return below;
        count->is_cut |= below == -EACCES && is_counted; /* unchanged directories of the image do not count */
    }
    return -ENOENT;
}

struct tree {
    int dir, depth;
    struct count count;
};

static void begin_tree(struct tree *tree, int top) {
    tree->depth = 0;
    tree->dir = sys_openat(top, ".", O_RDONLY | O_DIRECTORY, 0);
    tree->count.is_cut |= tree->dir == -EACCES;
    if (tree->dir >= 0)
        levels[0] = (struct level){0, inode_of(tree->dir)};
}

/* Looks at no more than this many entries. Returns 0 when there are more. */
static int step_tree(struct tree *tree, int entries) {
    struct count *count = &tree->count;
    count->entries_left = entries;
    while (tree->dir >= 0 && !count->is_cut) {
        int next = next_directory(tree->dir, &levels[tree->depth], count);
        if (next == -EAGAIN)
            return 0;
        if (next >= 0) {
            levels[++tree->depth] = (struct level){0, inode_of(next)};
        } else if (tree->depth > 0) {
            next = sys_openat(tree->dir, "..", O_RDONLY | O_DIRECTORY, 0);
            if (next >= 0 && inode_of(next) != levels[--tree->depth].inode) {
                count->is_moved = 1;
                sys_close_fd(&next);
            }
        }
        sys_close_fd(&tree->dir);
        tree->dir = next;
    }
    sys_close_fd(&tree->dir);
    return 1;
}

int tree_use_is_above(const int dirs[2], uint64_t limit) {
    static int moved_looks;
    struct tree tree = {.dir = -1};
    for (int i = 0; i < 2; i++) {
        begin_tree(&tree, dirs[i]);
        step_tree(&tree, ALL_ENTRIES);
    }
    moved_looks = tree.count.is_moved ? moved_looks + 1 : 0;
    return tree.count.bytes > limit || tree.count.is_cut || moved_looks >= MOVED_LOOKS_MAX;
}

static struct tree root_tree = {.dir = -1};

void tree_use_begin_root(const struct slot *slot, uint64_t since_ns) {
    struct stat status = {0};
    int CLEANUP_CLOSE root = sys_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
    SYS_CALL_2(__NR_fstat, root, &status);
    sys_close_fd(&root_tree.dir);
    root_tree.count = (struct count){.since_ns = since_ns, .device = status.st_dev};
    credentials_begin_look(slot);
    begin_tree(&root_tree, root);
    credentials_end_look(slot);
}

int tree_use_step_root(const struct slot *slot, int is_last, uint64_t *bytes) {
    credentials_begin_look(slot);
    int is_done = step_tree(&root_tree, is_last ? ALL_ENTRIES : STEP_ENTRIES);
    credentials_end_look(slot);
    *bytes = root_tree.count.is_cut ? ~0ull : root_tree.count.bytes;
    return is_done;
}
