/*
 * The contents that a slot keeps between its sandboxes.
 *
 * Where the slot has a tree of its own they are files of the tmpfs in which its own mounts are (root.c). In a
 * container and at level minimal there is none: they are files in memory, to which only the slot's
 * descriptors lead. No program has one of them: they close when it is executed.
 */
#include "tree/kept_store.h"

#include <asm/stat.h>
#include <linux/mount.h>

#include "own_mounts.h"
#include "sys.h"
#include "text.h"
#include "tree/beneath.h"

enum { FILES_MAX = 16, NAME_BYTES = 24, KEPT_BYTES_MAX = 64 << 20, PAGE_BYTES = 4096 };

static struct kept_file files[FILES_MAX];
static uint64_t uses;
static int is_in_memory;

static uint64_t whole_pages(uint64_t bytes) {
    return (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

void kept_store_use_tmpfs(struct slot *slot) {
    slot->kept = sys_openat(AT_FDCWD, OWN_KEPT, O_PATH | O_DIRECTORY, 0);
    slot->own_mounts = sys_openat(slot->proc, "self/ns/mnt", O_RDONLY, 0);
    if (slot->own_mounts < 0)
        sys_close_fd(&slot->kept);
}

void kept_store_use_memory(void) {
    is_in_memory = 1;
}

static void name_of(const struct kept_file *file, char name[NAME_BYTES]) {
    text_number(name, (uint64_t)(file - files));
}

static void discard(const struct slot *slot, struct kept_file *file) {
    char name[NAME_BYTES];
    if (file->memory >= 0) {
        /* The waiting program's process has a copy of the descriptor until it executes the program. In a
         * container the memory is free now, and not only then; elsewhere the embedder has sealed the file. */
        SYS_CALL_2(__NR_ftruncate, file->memory, 0);
        sys_close_fd(&file->memory);
    } else {
        name_of(file, name);
        SYS_CALL_3(__NR_unlinkat, slot->kept, name, 0);
    }
    *file = (struct kept_file){.memory = -1};
}

struct kept_file *kept_store_find(uint64_t number, uint32_t executable) {
    for (int i = 0; i < FILES_MAX; i++)
        if (files[i].number == number && files[i].executable == executable && number != 0)
            return &files[i];
    return 0;
}

uint64_t kept_store_bytes(void) {
    uint64_t total = 0;
    for (int i = 0; i < FILES_MAX; i++)
        total += files[i].bytes;
    return total;
}

/* A free entry, with room for so many bytes: discards the files that were not used for the longest time. */
static struct kept_file *make_room(const struct slot *slot, uint64_t bytes) {
    for (;;) {
        struct kept_file *unused = 0, *oldest = 0;
        for (int i = 0; i < FILES_MAX; i++)
            if (files[i].number == 0)
                unused = &files[i];
            else if (oldest == 0 || files[i].last_use < oldest->last_use)
                oldest = &files[i];
        if (unused != 0 && kept_store_bytes() + bytes <= KEPT_BYTES_MAX)
            return unused;
        if (oldest == 0)
            return 0;
        discard(slot, oldest);
    }
}

/* Copies the content to a file of the tmpfs that belongs to the program, as any that is written for it. */
static int copy_to_tmpfs(const struct slot *slot, const struct kept_file *file, uint32_t executable,
                         int content) {
    char name[NAME_BYTES];
    name_of(file, name);
    int CLEANUP_CLOSE fd = sys_openat(slot->kept, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    int result = fd < 0 ? fd : beneath_copy(fd, content);
    if (result == 0) /* the slot has CAP_CHOWN in its user namespace, for the ids of that namespace */
        result = (int)SYS_CALL_3(__NR_fchown, fd, slot->uid, slot->gid);
    if (result == 0)
        result = (int)SYS_CALL_2(__NR_fchmod, fd, executable ? 0755 : 0644);
    return result;
}

static int keep_descriptor(struct kept_file *file, int content) {
    file->memory = (int)SYS_CALL_3(__NR_fcntl, content, F_DUPFD_CLOEXEC, 0);
    /* Nobody writes to it any more; see discard for why it may still shrink. The embedder's is sealed
     * already. */
    SYS_CALL_3(__NR_fcntl, content, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_GROW);
    return file->memory;
}

struct kept_file *kept_store_add(struct slot *slot, uint64_t number, uint32_t executable, int content) {
    struct stat status;
    if ((slot->kept < 0 && !is_in_memory) || number == 0 || SYS_CALL_2(__NR_fstat, content, &status) < 0 ||
        status.st_size <= 0 || (uint64_t)status.st_size > KEPT_BYTES_MAX)
        return 0;
    /* A file in memory may consist of huge pages. */
    uint64_t bytes = whole_pages((uint64_t)status.st_size), blocks = (uint64_t)status.st_blocks * 512;
    if (is_in_memory && blocks > bytes)
        bytes = blocks;
    struct kept_file *file = bytes > KEPT_BYTES_MAX ? 0 : make_room(slot, bytes);
    if (file == 0)
        return 0;
    *file = (struct kept_file){.number = number, .executable = executable, .bytes = bytes, .memory = -1};
    int result =
        is_in_memory ? keep_descriptor(file, content) : copy_to_tmpfs(slot, file, executable, content);
    if (result >= 0)
        return file;
    discard(slot, file);
    SYS_CALL_3(__NR_lseek, content, 0, SYS_SEEK_SET);
    return 0;
}

void kept_store_note_use(struct kept_file *file) {
    file->last_use = ++uses;
}

int kept_store_open(const struct slot *slot, const struct kept_file *file) {
    char name[NAME_BYTES];
    if (file->memory >= 0) {
        int fd = (int)SYS_CALL_3(__NR_fcntl, file->memory, F_DUPFD_CLOEXEC, 0);
        if (fd >= 0)
            SYS_CALL_3(__NR_lseek, fd, 0, SYS_SEEK_SET);
        return fd;
    }
    name_of(file, name);
    return sys_openat(slot->kept, name, O_RDONLY, 0);
}

int kept_store_mount(const struct slot *slot, const struct kept_file *file) {
    char name[NAME_BYTES];
    if (file->memory >= 0)
        return -EAGAIN;
    name_of(file, name);
    /* Its time is that of a file which was written now. */
    SYS_CALL_4(__NR_utimensat, slot->kept, name, 0, 0);
    int tree = (int)SYS_CALL_3(__NR_open_tree, slot->kept, name, OPEN_TREE_CLONE | O_CLOEXEC);
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
    int result = tree;
    if (result >= 0)
        result = (int)SYS_CALL_5(__NR_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes);
    if (result < 0)
        sys_close_fd(&tree);
    return result < 0 ? result : tree;
}
