/*
 * How much of its disk limit a container's sandbox has used. The engine's mounts have separate quotas or
 * none, and a writable root lies on a disk shared with the host, so the slot measures the use itself.
 */
#include "accounting/container_use.h"

#include <asm/statfs.h>

#include "accounting/tree_use.h"
#include "slot_state.h"
#include "sys.h"

#define ROOT_LOOK_NS ((uint64_t)2000000000)
enum { ROOT_LOOK_SHARE = 5 /* walking the root takes at most one part in this many of the time */ };
enum { INODE_BYTES = 4096, INODES_LEAST = 1024 };

const char *const container_directories[CONTAINER_DIRECTORIES] = {"/work", "/tmp", "/dev/shm", "/dev/mqueue"};
/* The engine's own tmpfs, where only uid 0 can write. */
static const char *const devices = "/dev";

struct tmpfs_use {
    uint64_t bytes, inodes;
    int is_exhausted;
};

static void add_use(struct tmpfs_use *use, const char *path) {
    struct statfs status;
    if (SYS_CALL_2(__NR_statfs, path, &status) < 0)
        return;
    use->bytes += (uint64_t)(status.f_blocks - status.f_bfree) * (uint64_t)status.f_bsize;
    if (status.f_files > 0)
        use->inodes += (uint64_t)(status.f_files - status.f_ffree) - 1; /* without the root directory's */
    use->is_exhausted |= status.f_blocks > 0 && (status.f_bfree == 0 || status.f_ffree == 0);
}

static struct tmpfs_use use_of_directories(void) {
    struct tmpfs_use use = {0, 0, 0};
    for (int i = 0; i < CONTAINER_TMPFS; i++)
        add_use(&use, container_directories[i]);
    return use;
}

/* Free bytes of the file system below a writable root, which the engine shares with the host. */
static uint64_t free_beneath_root(void) {
    struct statfs status;
    return SYS_CALL_2(__NR_statfs, "/", &status) < 0 ? 0
                                                     : (uint64_t)status.f_bfree * (uint64_t)status.f_bsize;
}

static uint64_t taken_since(const struct slot *slot, uint64_t free) {
    return free < slot->container.root_free ? slot->container.root_free - free : 0;
}

/* How much of the disk a writable root uses. Other processes write to its file system too: as long as the
 * disk has lost less space during the runs than the limit allows, the slot walks the tree only from time to
 * time. A walk takes long while the program goes on, so it is made in steps, except at the end of a run. */
static uint64_t written_to_root(struct slot *slot, uint64_t allowed, int is_last) {
    uint64_t free = free_beneath_root(), now = sys_now_ns(), found;
    int is_due = taken_since(slot, free) + slot->container.root_found > allowed ||
                 now - slot->container.root_looked_ns > ROOT_LOOK_NS;
    if (is_due && (is_last || (!slot->container.is_root_walked && now >= slot->container.root_rest_ns))) {
        tree_use_begin_root(slot, slot->container.opened_ns);
        slot->container.is_root_walked = 1;
        slot->container.root_walk_ns = now;
        slot->container.root_walk_free = free;
    }
    if (slot->container.is_root_walked && tree_use_step_root(slot, is_last, &found)) {
        slot->container.is_root_walked = 0;
        slot->container.root_found = found;
        slot->container.root_free = slot->container.root_walk_free;
        slot->container.root_looked_ns = sys_now_ns();
        slot->container.root_rest_ns =
            slot->container.root_looked_ns +
            ROOT_LOOK_SHARE * (slot->container.root_looked_ns - slot->container.root_walk_ns);
    }
    return slot->container.root_found;
}

static struct tmpfs_use use_of_all(const struct slot *slot) {
    struct tmpfs_use use = use_of_directories();
    if (has_feature(slot, ISOLATE_FEATURE_WRITABLE))
        add_use(&use, devices);
    return use;
}

static uint64_t larger(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

/* How many bytes the program may still write to the sandbox's mounts; 0: they are full. */
static uint64_t room_of(const struct slot *slot, const struct tmpfs_use *use) {
    uint64_t bytes = larger(slot->disk_bytes, slot->container.floor_bytes);
    uint64_t inodes =
        larger(larger(slot->disk_bytes / INODE_BYTES, INODES_LEAST), slot->container.floor_inodes);
    return use->is_exhausted || use->bytes > bytes || use->inodes > inodes ? 0 : bytes - use->bytes + 1;
}

static int is_full(struct slot *slot, uint64_t room, int is_last) {
    if (room == 0)
        return 1;
    return has_feature(slot, ISOLATE_FEATURE_WRITABLE) && written_to_root(slot, room - 1, is_last) > room - 1;
}

int container_is_full(struct slot *slot) {
    struct tmpfs_use use = use_of_all(slot);
    return slot->work >= 0 && is_full(slot, room_of(slot, &use), 1);
}

uint64_t container_look(struct slot *slot) {
    struct tmpfs_use use = use_of_all(slot);
    uint64_t room = room_of(slot, &use);
    if (is_full(slot, room, 0))
        return 0;
    /* The disk below may become full before the limit is reached. */
    uint64_t beneath = has_feature(slot, ISOLATE_FEATURE_WRITABLE) ? free_beneath_root() : ~0ull;
    if (beneath < room)
        room = beneath + 1;
    return slot->container.is_root_walked ? 1 : room; /* a walk is under way: take the next step soon */
}

/* Writes of other processes between two runs do not count for the sandbox. */
void container_begin_looks(struct slot *slot) {
    if (!has_feature(slot, ISOLATE_FEATURE_WRITABLE))
        return;
    slot->container.root_free = free_beneath_root();
    slot->container.root_looked_ns = sys_now_ns();
    slot->container.is_root_walked = 0;
}

void container_end_looks(struct slot *slot) {
    uint64_t free = free_beneath_root();
    slot->container.root_found += taken_since(slot, free);
    slot->container.root_free = free;
}

void container_note_use(struct slot *slot) {
    struct tmpfs_use use = use_of_all(slot);
    slot->container.floor_bytes = use.bytes;
    slot->container.floor_inodes = use.inodes;
}

uint64_t container_held(const struct slot *slot) {
    return use_of_all(slot).bytes;
}

int container_holds_nothing(void) {
    struct tmpfs_use use = use_of_directories();
    return use.bytes == 0 && use.inodes == 0;
}

int container_holds_less(uint64_t bytes) {
    return use_of_directories().bytes <= bytes;
}

int container_has_room(const struct slot *slot, uint64_t bytes) {
    uint64_t used = use_of_directories().bytes;
    return bytes <= slot->disk_bytes && used <= slot->disk_bytes - bytes;
}
