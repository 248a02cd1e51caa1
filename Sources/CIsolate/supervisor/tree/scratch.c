/* The space of a sandbox: the tmpfs behind /work, /tmp and /dev/shm, with the writable root in it if there is
 * one; or level minimal's directories; or the mounts of a container's engine. */
#include "tree/scratch.h"

#include <asm/statfs.h>
#include <linux/mount.h>

#include "accounting/container_use.h"
#include "config.h"
#include "credentials.h"
#include "failure.h"
#include "own_mounts.h"
#include "slot_state.h"
#include "sys.h"
#include "text.h"
#include "tree/container.h"
#include "tree/overlay.h"
#include "tree/plain.h"

#define DISK_LEAST ((uint64_t)4096)
#define DISK_MOST ((uint64_t)1 << 60)

static int size_option(char *out, size_t bytes, const struct slot *slot, uint64_t disk_bytes) {
    char size[24], inodes[24];
    /* tmpfs takes 0 for "no bound", and a size that overflows when it rounds up becomes 0. */
    if (disk_bytes < DISK_LEAST)
        disk_bytes = DISK_LEAST;
    if (disk_bytes > DISK_MOST)
        disk_bytes = DISK_MOST;
    text_number(size, slot->writable.base_bytes + disk_bytes);
    /* One inode per 4 KiB, at least 1,024, so that a million empty files meet the limit, too. */
    text_number(inodes, slot->writable.base_inodes + (disk_bytes / 4096 < 1024 ? 1024 : disk_bytes / 4096));
    const char *parts[] = {"mode=0755,size=", size, ",nr_inodes=", inodes, 0};
    return text_join(out, bytes, parts);
}

/* What a writable root holds before the program writes does not count for its limit. */
static long measure_base(struct slot *slot) {
    struct statfs status;
    long result = SYS_CALL_2(__NR_fstatfs, slot->work, &status);
    if (result == 0) {
        slot->writable.base_bytes = (uint64_t)(status.f_blocks - status.f_bfree) * (uint64_t)status.f_bsize;
        slot->writable.base_inodes = (uint64_t)(status.f_files - status.f_ffree);
    }
    return result;
}

static struct isolate_failure fill_scratch(struct slot *slot) {
    static const struct {
        const char *path;
        int mode;
    } parts[] = {{OWN_SCRATCH "/work", 0755}, {OWN_SCRATCH "/tmp", 01777}, {OWN_SCRATCH "/shm", 01777}};
    long result = 0;
    /* With the program's ids, since it owns all of these. */
    credentials_make_files_as_program(slot);
    for (int i = 0; i < 3 && result == 0; i++) {
        result = SYS_CALL_3(__NR_mkdirat, AT_FDCWD, parts[i].path, parts[i].mode);
        if (result == 0) /* umask 022 would remove the write bits of the shared ones */
            result = SYS_CALL_3(__NR_fchmodat, AT_FDCWD, parts[i].path, parts[i].mode);
    }
    struct isolate_failure failure =
        failure_at(result < 0 ? ISOLATE_STAGE_SCRATCH : 0, result, ISOLATE_DETAIL_SCRATCH_FILL);
    if (result == 0 && has_feature(slot, ISOLATE_FEATURE_WRITABLE))
        failure = overlay_create(slot);
    credentials_act_as_slot(slot);
    return failure;
}

struct isolate_failure scratch_create(struct slot *slot, uint64_t disk_bytes) {
    char options[128];
    slot->disk_bytes = disk_bytes;
    if (has_feature(slot, ISOLATE_FEATURE_CONTAINER))
        return container_open(slot);
    if (!has_feature(slot, ISOLATE_FEATURE_NAMESPACES))
        return plain_scratch_create(slot);
    slot->writable.base_bytes = slot->writable.base_inodes = 0;
    int is_writable = has_feature(slot, ISOLATE_FEATURE_WRITABLE);
    long result = size_option(options, sizeof options, slot, is_writable ? DISK_MOST : disk_bytes);
    if (result == 0)
        result = sys_mount("scratch", OWN_SCRATCH, "tmpfs", MS_NOSUID | MS_NODEV, options);
    if (result == 0) /* the program owns the tmpfs's root while it is filled */
        result = SYS_CALL_5(__NR_fchownat, AT_FDCWD, OWN_SCRATCH, slot->uid, slot->gid, 0);
    if (result < 0)
        return failure_at(ISOLATE_STAGE_SCRATCH, result, ISOLATE_DETAIL_SCRATCH_MOUNT);
    struct isolate_failure failure = fill_scratch(slot);
    if (failure.stage == 0) {
        result = slot->work = sys_openat(AT_FDCWD, OWN_SCRATCH "/work", O_PATH | O_DIRECTORY, 0);
        if (result >= 0 && is_writable)
            result = measure_base(slot);
        if (result >= 0 && stage_is_forced_to_fail(slot->config, ISOLATE_STAGE_SCRATCH))
            result = -EIO;
        failure = failure_at(result < 0 ? ISOLATE_STAGE_SCRATCH : 0, result, ISOLATE_DETAIL_SCRATCH_OPEN);
    }
    if (failure.stage == 0 && is_writable)
        failure = scratch_resize(slot, disk_bytes);
    if (failure.stage != 0)
        scratch_remove(slot);
    return failure;
}

struct isolate_failure scratch_resize(struct slot *slot, uint64_t disk_bytes) {
    char options[128];
    if (has_feature(slot, ISOLATE_FEATURE_CONTAINER) && !container_holds_less(disk_bytes))
        return failure_at(ISOLATE_STAGE_SCRATCH, -EINVAL,
                          ISOLATE_DETAIL_SCRATCH_RESIZE); /* as tmpfs answers */
    slot->disk_bytes = disk_bytes;
    if (!has_feature(slot, ISOLATE_FEATURE_NAMESPACES))
        return failure_at(0, 0, 0); /* the slot samples the use; see evidence.c */
    long result = size_option(options, sizeof options, slot, disk_bytes);
    if (result == 0)
        result = sys_mount("scratch", OWN_SCRATCH, "tmpfs", MS_NOSUID | MS_NODEV | MS_REMOUNT, options);
    return failure_at(result < 0 ? ISOLATE_STAGE_SCRATCH : 0, result, ISOLATE_DETAIL_SCRATCH_RESIZE);
}

void scratch_remove(struct slot *slot) {
    if (has_feature(slot, ISOLATE_FEATURE_CONTAINER)) {
        sys_close_fd(&slot->work);
        if (container_wipe(slot) < 0)
            slot->is_retired = 1;
        return;
    }
    if (!has_feature(slot, ISOLATE_FEATURE_NAMESPACES)) {
        plain_scratch_remove(slot);
        return;
    }
    sys_close_fd(&slot->work);
    SYS_CALL_2(__NR_umount2, OWN_SCRATCH, SYS_MNT_DETACH);
}
