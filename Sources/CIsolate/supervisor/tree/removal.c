/*
 * Removes a tree by its paths, each of which is opened anew beneath /work. A program that is running may move
 * directories, and the ".." of a moved one could lead out of /work, which at level minimal belongs to the
 * embedder's own user. By moving directories a program can only keep a removal from ending, so one call
 * removes a bounded number of entries.
 */
#include "tree/removal.h"

#include <linux/stat.h>

#include "isolate_protocol.h"
#include "own_mounts.h"
#include "sys.h"
#include "text.h"
#include "tree/beneath.h"
#include "tree/entries.h"

#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif

static int remove_path(int work, const char *path) {
    const char *last = 0;
    int CLEANUP_CLOSE dir = beneath_open_parent(work, path, 0, &last);
    return dir < 0 ? dir : entry_remove(dir, last);
}

/* Gives the owner, the program's user, access to a directory that the program locked (mode 0). Uses the
 * directory's descriptor, so that a link put in its place is not followed. */
static void unlock(int work, const char *path) {
    int CLEANUP_CLOSE dir = beneath_open(work, path, O_PATH | O_DIRECTORY, 0);
    char number[24], name[48];
    const char *parts[] = {own_proc(), "/self/fd/", number, 0};
    if (dir < 0 || SYS_CALL_4(__NR_fchmodat2, dir, "", 0700, AT_EMPTY_PATH) == 0)
        return;
    text_number(number, (uint64_t)dir); /* before Linux 6.6 */
    if (text_join(name, sizeof name, parts) == 0)
        SYS_CALL_3(__NR_fchmodat, AT_FDCWD, name, 0700);
}

/* Removes entries of the directory until it is empty or `*room` is used up, and returns 0. Returns 1 and a
 * name for a subdirectory that is not empty. */
static int empty_directory(int work, const char *path, char name[256], unsigned *room) {
    struct sys_entries entries;
    const struct sys_entry *entry;
    int CLEANUP_CLOSE dir = beneath_open(work, path, O_RDONLY | O_DIRECTORY, 0);
    if (dir < 0)
        return dir;
    sys_begin_entries(&entries, dir);
    while (*room > 0 && (entry = sys_next_entry(&entries)) != 0) {
        const char *parts[] = {entry->name, 0};
        int result = entry_remove(dir, entry->name);
        *room -= 1;
        if (result == 1 && text_join(name, 256, parts) == 0)
            return 1;
        if (result < 0 && result != -ENOENT)
            return result;
    }
    return entries.result;
}

/* Appends the name of a subdirectory to the path. */
static int descend(char path[ISOLATE_PATH_BYTES], const char *name) {
    size_t length = text_length(path);
    const char *parts[] = {"/", name, 0};
    return text_join(path + length, ISOLATE_PATH_BYTES - length, parts);
}

/* Removes the last name from the path. */
static void ascend(char *path) {
    size_t length = text_length(path);
    while (length > 0 && path[length] != '/')
        length--;
    path[length] = 0;
}

int removal_remove(int work, const char *target) {
    char path[ISOLATE_PATH_BYTES], name[256];
    const char *whole[] = {target, 0};
    unsigned room = ISOLATE_REMOVED_MAX;
    int was_unlocked = 0, result = remove_path(work, target);
    if (result == 1 && text_join(path, sizeof path, whole) < 0)
        return -ENAMETOOLONG;
    while (result == 1 && room > 0) {
        room--;
        result = empty_directory(work, path, name, &room);
        if (result == -EACCES && !was_unlocked) {
            unlock(work, path);
            was_unlocked = result = 1;
            continue;
        }
        was_unlocked = 0;
        if (result == 1) {
            result = descend(path, name) < 0 ? -ENAMETOOLONG : 1;
        } else if (result == 0 && room == 0) {
            result = 1;
        } else if (result == 0) {
            result = remove_path(work, path);
            if (result == 0 && !text_equals(path, target)) {
                ascend(path);
                result = 1;
            }
        } else if (result == -ENOENT) { /* the program moved it meanwhile: start again */
            result = remove_path(work, target);
            text_join(path, sizeof path, whole);
        }
    }
    return result;
}
