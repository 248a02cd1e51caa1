/*
 * A tree is removed by its paths, each opened anew beneath /work: a program that runs meanwhile may move
 * directories about, and ".." of one could then lead out of /work, which at level minimal is the embedder's
 * own user's. What it can do so is to keep a removal from ending, and that is why there is a bound for one
 * call.
 */
#include "tree/removal.h"

#include <linux/stat.h>

#include "isolate_protocol.h"
#include "sys.h"
#include "text.h"
#include "tree/beneath.h"

#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif

/* Removes an entry; 1 when it is a directory with something in it. */
static int remove_entry(int dir, const char *name) {
    int result = (int)SYS_CALL_3(__NR_unlinkat, dir, name, 0);
    if (result != -EISDIR && result != -EPERM)
        return result;
    result = (int)SYS_CALL_3(__NR_unlinkat, dir, name, AT_REMOVEDIR);
    return result == -ENOTEMPTY || result == -EEXIST ? 1 : result;
}

static int remove_path(int work, const char *path) {
    const char *last = 0;
    int CLEANUP_CLOSE dir = beneath_open_parent(work, path, 0, &last);
    return dir < 0 ? dir : remove_entry(dir, last);
}

/* A directory that the program locked (mode 0) is opened to its owner, which is the program's user, again. By
 * its descriptor: a link in its place is not followed. */
static void unlock(int work, const char *path) {
    int CLEANUP_CLOSE dir = beneath_open(work, path, O_PATH | O_DIRECTORY, 0);
    char number[24], name[48];
    const char *parts[] = {"/proc/self/fd/", number, 0};
    if (dir < 0 || SYS_CALL_4(__NR_fchmodat2, dir, "", 0700, AT_EMPTY_PATH) == 0)
        return;
    text_number(number, (uint64_t)dir); /* before Linux 6.6 */
    if (text_join(name, sizeof name, parts) == 0)
        SYS_CALL_3(__NR_fchmodat, AT_FDCWD, name, 0700);
}

/* Removes entries of the directory until all are gone or `*room` is used up: 0. 1 and a name: that one is a
 * directory with something in it. */
static int empty_directory(int work, const char *path, char name[256], unsigned *room) {
    struct sys_entries entries;
    const struct sys_entry *entry;
    int CLEANUP_CLOSE dir = beneath_open(work, path, O_RDONLY | O_DIRECTORY, 0);
    if (dir < 0)
        return dir;
    sys_begin_entries(&entries, dir);
    while (*room > 0 && (entry = sys_next_entry(&entries)) != 0) {
        const char *parts[] = {entry->name, 0};
        int result = remove_entry(dir, entry->name);
        *room -= 1;
        if (result == 1 && text_join(name, 256, parts) == 0)
            return 1;
        if (result < 0 && result != -ENOENT)
            return result;
    }
    return entries.result;
}

/* Makes the path that of a directory in it. */
static int descend(char path[ISOLATE_PATH_BYTES], const char *name) {
    size_t length = text_length(path);
    const char *parts[] = {"/", name, 0};
    return text_join(path + length, ISOLATE_PATH_BYTES - length, parts);
}

/* Makes the path that of the directory it is in. */
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
        } else if (result == -ENOENT) { /* the program moved it away meanwhile: from the beginning */
            result = remove_path(work, target);
            text_join(path, sizeof path, whole);
        }
    }
    return result;
}
