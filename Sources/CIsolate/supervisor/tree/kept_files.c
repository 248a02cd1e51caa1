/*
 * Places files that a slot keeps between its sandboxes (kept_store.c): programs that are run many times.
 *
 * To place one, the slot makes an empty file at its path in /work and mounts the kept one over it, read-only,
 * in the waiting cell's mount namespace. That takes no longer for a large file than for a small one, and
 * nothing is charged to the run. The tmpfs that they are in is in the slot's tree; init unmounts it in each
 * cell before any program is there. Where nothing can be mounted, in a container and at level minimal, the
 * file is a copy, which is an ordinary file of the sandbox.
 *
 * Why a program can do nothing to the next run: the mount is read-only, so its inode can be neither written
 * nor changed, also through /proc/self/exe or by its owner; and what lives as long as a process (locks,
 * leases, watches, mappings) ends with the cell, before the slot serves another sandbox. Two slots have
 * different inodes. Nor can it see other kept files: they are in no tree of a program.
 *
 * What looks into /work from outside must not find the empty file. So before any other question about files,
 * and before the next cell, the content is copied into it (kept_settle), which few sandboxes ever need.
 */
#include "tree/kept_files.h"

#include <asm/stat.h>
#include <asm/statfs.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>

#include "accounting/cgroup.h"
#include "accounting/container_use.h"
#include "config.h"
#include "credentials.h"
#include "failure.h"
#include "sys.h"
#include "text.h"
#include "tree/beneath.h"
#include "tree/kept_store.h"
#include "tree/scratch.h"

#ifndef MOVE_MOUNT_T_EMPTY_PATH
#define MOVE_MOUNT_T_EMPTY_PATH 0x40
#endif

enum { PLACES_MAX = 16, HABIT_BYTES = 64 };

/* A placed file of the open sandbox: the empty file, open for writing, and the content for it. */
struct place {
    int empty, content;
    uint64_t bytes;
    int is_in_advance;
};

/* What was placed last, and in how many sandboxes one after another. */
struct habit {
    uint64_t number;
    uint32_t executable;
    char path[HABIT_BYTES];
    unsigned sandboxes;
    int is_kept_up; /* by the open sandbox */
};

static struct habit habit;
/* What is in its place in advance, until a run is ready. bytes: 0 when nothing is. */
static struct {
    uint64_t bytes;
    char path[HABIT_BYTES];
    int is_copy; /* an ordinary file from the start */
} advance;
static struct place places[PLACES_MAX];
static unsigned place_count;

static void forget_place(struct place *place) {
    sys_close_fd(&place->empty);
    sys_close_fd(&place->content);
}

/* Safe: the namespace belongs to the slot's user namespace, and no program runs in it yet. leave_cell follows
 * in any case. */
static int enter_cell(const struct slot *slot) {
    return (int)SYS_CALL_2(__NR_setns, slot->cell.namespaces[CELL_MOUNT], CLONE_NEWNS);
}

static void leave_cell(const struct slot *slot) {
    if (SYS_CALL_2(__NR_setns, slot->own_mounts, CLONE_NEWNS) < 0)
        sys_exit(1); /* in a cell's tree it could serve no sandbox */
}

/* Mounts the tree over the empty file, in the cell's mount namespace. */
static int mount_in_cell(const struct slot *slot, int tree, const char *path) {
    int result = enter_cell(slot);
    if (result < 0)
        return result;
    /* An earlier program of this sandbox may have left links, which are not followed. */
    int CLEANUP_CLOSE work =
        sys_openat2(AT_FDCWD, "/work", O_PATH | O_DIRECTORY, 0, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
    int CLEANUP_CLOSE target = work < 0 ? work : beneath_open(work, path, O_PATH, 0);
    result = target;
    if (result >= 0)
        result = (int)SYS_CALL_5(__NR_move_mount, tree, "", target, "",
                                 MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
    leave_cell(slot);
    return result;
}

/* Makes the file appear at the path. -ENOSPC: a copy would not fit, either. */
static int place_by_mount(struct slot *slot, struct kept_file *file, const char *path) {
    struct statfs room;
    if (slot->cell.namespaces[CELL_MOUNT] < 0 || place_count == PLACES_MAX)
        return -EAGAIN;
    if (SYS_CALL_2(__NR_fstatfs, slot->work, &room) == 0 &&
        (uint64_t)room.f_bavail * (uint64_t)room.f_bsize < file->bytes)
        return -ENOSPC;
    struct place place = {.empty = -1, .content = kept_store_open(slot, file), .bytes = file->bytes};
    int CLEANUP_CLOSE tree = place.content < 0 ? place.content : kept_store_mount(slot, file);
    int result = tree;
    if (result >= 0) {
        credentials_act_as_program(slot);
        result = place.empty = beneath_create(slot->work, path, file->executable != 0);
        credentials_act_as_slot(slot);
    }
    if (result >= 0)
        result = mount_in_cell(slot, tree, path);
    if (result >= 0) {
        places[place_count++] = place;
        return 0;
    }
    forget_place(&place);
    return result;
}

/* A container's mounts have no size of their own. */
static int has_room_for_copy(const struct slot *slot, uint64_t bytes) {
    return !has_feature(slot, ISOLATE_FEATURE_CONTAINER) || container_has_room(slot, bytes);
}

/* Writes the file, as any other. file: 0 when the content is not kept. */
static int place_copy(struct slot *slot, const struct kept_file *file, const char *path, uint32_t executable,
                      int content) {
    struct stat status;
    int CLEANUP_CLOSE kept = -1;
    if (file != 0)
        content = kept = kept_store_open(slot, file);
    int result = content < 0 ? content : (int)SYS_CALL_2(__NR_fstat, content, &status);
    if (result == 0 && !has_room_for_copy(slot, (uint64_t)status.st_size))
        result = -ENOSPC;
    if (result < 0)
        return result;
    credentials_act_as_program(slot);
    int CLEANUP_CLOSE fd = beneath_create(slot->work, path, executable != 0);
    result = beneath_fill(slot->work, path, fd, content);
    credentials_act_as_slot(slot);
    return result;
}

/* Only for a file in /work itself: directories above it would have to be withdrawn, too. */
static void note_habit(const struct kept_file *file, const char *path) {
    int is_same =
        habit.number == file->number && habit.executable == file->executable && text_equals(habit.path, path);
    const char *parts[] = {path, 0};
    if (!is_same) {
        habit = (struct habit){.number = file->number, .executable = file->executable};
        for (const char *p = path; *p != 0; p++)
            if (*p == '/')
                habit.number = 0;
        if (text_join(habit.path, sizeof habit.path, parts) < 0)
            habit.number = 0;
    }
    if (!habit.is_kept_up)
        habit.sandboxes++;
    habit.is_kept_up = 1;
}

/* Puts the file there, by a mount or as a copy. Nothing is left of it when that fails. */
static int place_habitual(struct slot *slot, struct kept_file *file) {
    /* A sandbox with a smaller disk limit is not the one that it is for. A copy needs memory of the
     * container's, whose limit may still be that of the last run. */
    if (file->bytes > slot->disk_bytes ||
        (has_feature(slot, ISOLATE_FEATURE_CONTAINER) && !cgroup_container_has_room(slot, file->bytes)))
        return -ENOSPC;
    int result = place_by_mount(slot, file, habit.path);
    if (result == 0) {
        places[place_count - 1].is_in_advance = 1;
        return 0;
    }
    SYS_CALL_3(__NR_unlinkat, slot->work, habit.path, 0); /* the empty file */
    advance.is_copy = 1;
    return file->memory < 0 ? result : place_copy(slot, file, habit.path, file->executable, -1);
}

uint64_t kept_place_in_advance(struct slot *slot) {
    struct kept_file *file = habit.sandboxes < 2 ? 0 : kept_store_find(habit.number, habit.executable);
    advance.is_copy = 0;
    if (file == 0 || place_habitual(slot, file) < 0)
        return 0;
    advance.bytes = file->bytes;
    memcpy(advance.path, habit.path, sizeof advance.path);
    kept_store_note_use(file);
    return file->number;
}

static void forget_places(void) {
    for (unsigned i = 0; i < place_count; i++)
        forget_place(&places[i]);
    place_count = 0;
}

/* In the cell's mount namespace; see mount_in_cell. */
static int unmount_in_cell(const struct slot *slot) {
    char path[HABIT_BYTES + 8];
    const char *parts[] = {"/work/", advance.path, 0};
    int result = text_join(path, sizeof path, parts);
    if (result == 0)
        result = enter_cell(slot);
    if (result < 0)
        return result;
    result = (int)SYS_CALL_2(__NR_umount2, path, SYS_MNT_DETACH);
    leave_cell(slot);
    return result;
}

int kept_withdraw(struct slot *slot) {
    if (advance.bytes == 0)
        return 0;
    unsigned i = 0;
    while (i < place_count && !places[i].is_in_advance)
        i++;
    if (advance.is_copy) {
        /* It took from the disk limit as any file, and removing it gives that back. */
    } else if (i < place_count) {
        /* Without a cell there is no mount; with one, the removal below detaches what is left of it. */
        if (slot->cell.namespaces[CELL_MOUNT] >= 0)
            unmount_in_cell(slot);
        forget_place(&places[i]);
        places[i] = places[--place_count];
    } else {                                        /* a second cell has made an ordinary file of it */
        slot->writable.base_bytes -= advance.bytes; /* settle_last added it */
        scratch_resize(slot, slot->disk_bytes);
    }
    advance.bytes = 0;
    /* No program has been ready in this sandbox, so no name leads elsewhere. */
    credentials_act_as_program(slot);
    long removed = SYS_CALL_3(__NR_unlinkat, slot->work, advance.path, 0);
    credentials_act_as_slot(slot);
    return removed == -ENOENT ? 0 : (int)removed;
}

int kept_take(uint32_t run_flags) {
    if (advance.bytes > 0 && !(run_flags & ISOLATE_RUN_TAKES_PLACED))
        return -EPERM;
    habit.is_kept_up |= advance.bytes > 0;
    advance.bytes = 0;
    return 0;
}

int kept_place(struct slot *slot, const struct isolate_file_record *record, int content, int32_t *is_kept) {
    uint32_t executable = record->flags & ISOLATE_FILE_EXECUTABLE;
    struct kept_file *file = kept_store_find(record->offset, executable);
    if (file == 0 && content >= 0)
        file = kept_store_add(slot, record->offset, executable, content);
    *is_kept = file != 0;
    if (file == 0 && content < 0)
        return -ENODATA;
    /* One at another path may be the next run's: the embedder withdraws it if not. */
    int withdrawn = advance.bytes > 0 && text_equals(advance.path, record->path) ? kept_withdraw(slot) : 0;
    if (withdrawn < 0)
        return withdrawn;
    int result = -EAGAIN;
    if (file != 0) {
        kept_store_note_use(file);
        result = place_by_mount(slot, file, record->path);
    }
    /* What a copy would be refused for, too, is the answer; anything else is the mount's own. */
    if (result != 0 && result != -ENOSPC)
        result = place_copy(slot, file, record->path, executable, content);
    if (result == 0 && file != 0)
        note_habit(file, record->path);
    return result;
}

/* Makes an ordinary file of the last placed one, which did not take from the disk limit and does not now. */
static struct isolate_failure settle_last(struct slot *slot) {
    struct place *place = &places[place_count - 1];
    slot->writable.base_bytes += place->bytes;
    struct isolate_failure failure = scratch_resize(slot, slot->disk_bytes);
    if (failure.stage == 0) {
        /* From the start: an earlier attempt may have failed in the middle. */
        SYS_CALL_3(__NR_lseek, place->empty, 0, SYS_SEEK_SET);
        SYS_CALL_3(__NR_lseek, place->content, 0, SYS_SEEK_SET);
        int result = stage_is_forced_to_fail(slot->config, ISOLATE_STAGE_FILE)
                         ? -EIO
                         : beneath_copy(place->empty, place->content);
        failure = failure_at(result < 0 ? ISOLATE_STAGE_FILE : 0, result, 0);
    }
    if (failure.stage != 0) {
        slot->writable.base_bytes -= place->bytes;
        return failure;
    }
    forget_place(place);
    place_count--;
    return failure;
}

struct isolate_failure kept_settle(struct slot *slot) {
    struct isolate_failure failure = {0};
    while (place_count > 0 && failure.stage == 0)
        failure = settle_last(slot);
    return failure;
}

void kept_end_sandbox(void) {
    forget_places();
    if (!habit.is_kept_up)
        habit.sandboxes = 0;
    habit.is_kept_up = 0;
    advance.bytes = 0;
}
