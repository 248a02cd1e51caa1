/*
 * A container as a sandbox: /work, /tmp and /dev/shm are tmpfs that an engine mounted, the root is read-only.
 *
 * One sandbox after another uses them, so whatever one left must be gone before the next: every process is
 * killed first, then a child with the program's own ids, and nothing else, removes files, message queues and
 * System V objects. Nobody else could have made any: all other places belong to root. What that child cannot
 * remove makes the slot retire, and the container with it. A writable root is never used again.
 */
#include "tree/container.h"

#include <asm/stat.h>
#include <asm/statfs.h>
#include <linux/prctl.h>

#include "accounting/evidence.h"
#include "accounting/members.h"
#include "config.h"
#include "credentials.h"
#include "failure.h"
#include "slot_state.h"
#include "sys.h"
#include "tree/plain.h"

#define ROOT_LOOK_NS ((uint64_t)2000000000)
enum { ROOT_LOOK_SHARE = 5 /* at most one part in so many is spent on looking */ };
enum { INODE_BYTES = 4096, INODES_LEAST = 1024, IPC_RMID = 0, PLACES = 4, SHARED = 3, WIPE_TRIES = 200 };

/* The last one holds message queues, which take no room of the others. */
static const char *const places[PLACES] = {"/work", "/tmp", "/dev/shm", "/dev/mqueue"};
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
        use->inodes += (uint64_t)(status.f_files - status.f_ffree) - 1; /* its own root */
    use->is_exhausted |= status.f_blocks > 0 && (status.f_bfree == 0 || status.f_ffree == 0);
}

static struct tmpfs_use use_of_places(void) {
    struct tmpfs_use use = {0, 0, 0};
    for (int i = 0; i < SHARED; i++)
        add_use(&use, places[i]);
    return use;
}

/* Of the file system beneath a writable root, which the engine shares with everybody. */
static uint64_t free_beneath_root(void) {
    struct statfs status;
    return SYS_CALL_2(__NR_statfs, "/", &status) < 0 ? 0
                                                     : (uint64_t)status.f_bfree * (uint64_t)status.f_bsize;
}

static uint64_t taken_since(const struct slot *slot, uint64_t free) {
    return free < slot->container.root_free ? slot->container.root_free - free : 0;
}

/* A writable root's share of the disk. Its file system is everybody's: as long as less went there during the
 * runs than may have, the tree is only looked at from time to time. That takes long, and meanwhile a program
 * goes on, so it is done in steps, except at the end of a run. */
static uint64_t written_to_root(struct slot *slot, uint64_t allowed, int is_last) {
    uint64_t free = free_beneath_root(), now = sys_now_ns(), found;
    int is_due = taken_since(slot, free) + slot->container.root_found > allowed ||
                 now - slot->container.root_looked_ns > ROOT_LOOK_NS;
    if (is_due && (is_last || (!slot->container.is_root_walked && now >= slot->container.root_rest_ns))) {
        evidence_begin_root(slot, slot->container.opened_ns);
        slot->container.is_root_walked = 1;
        slot->container.root_walk_ns = now;
        slot->container.root_walk_free = free;
    }
    if (slot->container.is_root_walked && evidence_step_root(slot, is_last, &found)) {
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
    struct tmpfs_use use = use_of_places();
    if (has_feature(slot, ISOLATE_FEATURE_WRITABLE))
        add_use(&use, devices);
    return use;
}

static uint64_t larger(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

/* Bytes that may still be written to its places; 0: it is full. */
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
    /* The disk beneath may be full before the limit is reached. */
    uint64_t beneath = has_feature(slot, ISOLATE_FEATURE_WRITABLE) ? free_beneath_root() : ~0ull;
    if (beneath < room)
        room = beneath + 1;
    return slot->container.is_root_walked ? 1 : room; /* the next step comes soon */
}

/* What others write between two runs is not ours. */
void container_begin_looks(struct slot *slot) {
    if (!has_feature(slot, ISOLATE_FEATURE_WRITABLE))
        return;
    slot->container.root_free = free_beneath_root();
    slot->container.root_looked_ns = sys_now_ns();
    slot->container.is_root_walked = 0;
}

/* What went there during the run counts until the next look at the tree. */
static void end_looks(struct slot *slot) {
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

int container_holds_less(uint64_t bytes) {
    return use_of_places().bytes <= bytes;
}

int container_has_room(const struct slot *slot, uint64_t bytes) {
    uint64_t used = use_of_places().bytes;
    return bytes <= slot->disk_bytes && used <= slot->disk_bytes - bytes;
}

struct isolate_failure container_open(struct slot *slot) {
    slot->work = sys_openat(AT_FDCWD, places[0], O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
    slot->container.root_found = slot->container.root_rest_ns = 0;
    slot->container.floor_bytes = slot->container.floor_inodes = 0;
    struct sys_timespec date = {0, 0};
    SYS_CALL_2(__NR_clock_gettime, 5 /* CLOCK_REALTIME_COARSE: the clock of file times */, &date);
    slot->container.opened_ns = (uint64_t)date.seconds * 1000000000u + (uint64_t)date.nanoseconds;
    if (slot->work >= 0 && stage_is_forced_to_fail(slot->config, ISOLATE_STAGE_SCRATCH)) {
        sys_close_fd(&slot->work);
        slot->work = -EIO;
    }
    struct isolate_failure failure = failure_at(slot->work < 0 ? ISOLATE_STAGE_SCRATCH : 0, slot->work, 0);
    if (failure.stage != 0)
        slot->work = -1;
    return failure;
}

/* A kind of System V object, and the call whose argument `command_at` says what to do with one. */
struct object_kind {
    const char *table;
    long call;
    int command_at;
};

static void remove_object(const struct object_kind *kind, uint64_t number) {
    long arguments[] = {(long)number, 0, 0};
    arguments[kind->command_at] = IPC_RMID;
    SYS_CALL_4(kind->call, arguments[0], arguments[1], arguments[2], 0);
}

/* The number of each is in the second column of the table's lines. Returns how many there are. */
static int for_each_object(const struct object_kind *kind, int remove) {
    char text[512];
    int count = 0, column = 0, is_first_line = 1, is_number = 0;
    uint64_t number = 0;
    int CLEANUP_CLOSE file = sys_openat(AT_FDCWD, kind->table, O_RDONLY, 0);
    long n;
    while (file >= 0 && (n = sys_read(file, text, sizeof text)) > 0)
        for (long i = 0; i < n; i++) {
            char c = text[i];
            if (c >= '0' && c <= '9') {
                if (!is_number)
                    column++, number = 0;
                is_number = 1;
                number = number * 10 + (uint64_t)(c - '0');
                continue;
            }
            if (is_number && column == 2 && !is_first_line) {
                count++;
                if (remove)
                    remove_object(kind, number);
            }
            is_number = c == '-'; /* a negative key is a column, too */
            if (c == '-')
                column++, number = 0;
            if (c == '\n')
                is_first_line = column = is_number = 0;
        }
    return count;
}

static int count_objects(int remove) {
    static const struct object_kind kinds[] = {{"/proc/sysvipc/shm", __NR_shmctl, 1},
                                               {"/proc/sysvipc/msg", __NR_msgctl, 1},
                                               {"/proc/sysvipc/sem", __NR_semctl, 2}};
    int count = 0;
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        count += for_each_object(&kinds[i], remove);
    return count;
}

static int has_entries(const char *path) {
    struct sys_entries entries;
    int CLEANUP_CLOSE dir = sys_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    sys_begin_entries(&entries, dir);
    return dir >= 0 && sys_next_entry(&entries) != 0;
}

/* Runs in a child with the program's ids and no capability: it reaches what the program reached. */
static void __attribute__((noreturn)) wipe_as_program(const struct slot *slot, int first) {
    long result = credentials_become_program(slot);
    /* Several times: removing one object may free the next of the list. */
    for (int i = 0; i < 8 && result == 0 && count_objects(1) > 0; i++) {
    }
    for (int i = first; i < PLACES && result == 0; i++)
        plain_empty(places[i]);
    sys_exit(result == 0 ? 0 : 1);
}

static void run_wipe(const struct slot *slot, int first) {
    long pid = sys_clone(0, 0);
    if (pid == 0)
        wipe_as_program(slot, first);
    if (pid > 0)
        SYS_CALL_4(__NR_wait4, pid, 0, 0x40000000 /* __WALL */, 0);
}

void container_end_run(struct slot *slot) {
    if (has_feature(slot, ISOLATE_FEATURE_WRITABLE))
        end_looks(slot);
    if (count_objects(0) > 0 || has_entries(places[PLACES - 1]))
        run_wipe(slot, PLACES - 1);
}

static int is_clean(struct slot *slot) {
    int is_dirty = count_objects(0) > 0 || members_exist(slot);
    for (int i = 0; i < PLACES; i++)
        is_dirty |= has_entries(places[i]);
    struct tmpfs_use use = use_of_places();
    return !is_dirty && use.bytes == 0 && use.inodes == 0;
}

int container_wipe(struct slot *slot) {
    run_wipe(slot, 0);
    /* What a dead process held last, such as a file without a name in a socket's queue, the kernel lets go of
     * in its own time. */
    for (int i = 0; i < WIPE_TRIES; i++) {
        if (is_clean(slot))
            return 0;
        sys_sleep_ns(1000000);
    }
    return -EBUSY;
}
