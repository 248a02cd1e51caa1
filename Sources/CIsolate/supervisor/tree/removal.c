/*
 * Removes a tree by its paths, each of which is opened anew beneath /work or beneath a directory on the way
 * that is kept open, and never by "..": a program that is running may move directories, and the ".." of a
 * moved one could lead out of /work, which at level minimal belongs to the embedder's own user. What is
 * beneath a directory of the tree stays the program's wherever the program moves it.
 *
 * A program can only keep a removal from ending, by moving directories, so one call removes a bounded number
 * of entries. Nor can it make one entry expensive: without the directory kept open, each entry of a directory
 * 2,000 deep would cost the lookup of 2,000 names.
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

enum { FAR_NAMES = 64 };

/* A directory of the tree, by its path below /work. */
struct place {
    int work;
    int base;           /* a directory above it, at most FAR_NAMES above, or /work itself */
    size_t base_length; /* the part of the path that leads to the base */
    char path[ISOLATE_PATH_BYTES];
};

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

/* The length of the path without its last name; 0 for a path of one name. */
static size_t length_above(const char *path, size_t length) {
    while (length > 0 && path[length] != '/')
        length--;
    return length;
}

static const char *below_base(const struct place *place) {
    const char *path = place->path + place->base_length;
    while (*path == '/')
        path++;
    return path;
}

static void forget_base(struct place *place) {
    if (place->base != place->work)
        sys_close(place->base);
    place->base = place->work;
    place->base_length = 0;
}

/* Opens the first `length` bytes of the path, which end before a '/', as the base. */
static int set_base(struct place *place, size_t length) {
    place->path[length] = 0;
    int base = beneath_open(place->base, below_base(place), O_PATH | O_DIRECTORY, 0);
    place->path[length] = '/';
    if (base < 0)
        return base;
    forget_base(place);
    place->base = base;
    place->base_length = length;
    return 0;
}

/* Sees to it that the base is above the path, and near it. */
static int move_base(struct place *place) {
    size_t length = text_length(place->path);
    unsigned names = 1;
    if (length <= place->base_length) {
        forget_base(place);
        while (length > 0 && names++ < FAR_NAMES)
            length = length_above(place->path, length - 1);
        return length > 0 ? set_base(place, length) : 0;
    }
    for (const char *at = below_base(place); *at != 0; at++)
        names += *at == '/';
    return names > FAR_NAMES ? set_base(place, length_above(place->path, length)) : 0;
}

static int begin(struct place *place, const char *target) {
    const char *whole[] = {target, 0};
    forget_base(place);
    return text_join(place->path, sizeof place->path, whole) < 0 ? -ENAMETOOLONG : move_base(place);
}

/* Takes the next step. Returns 1 when there is more to do. */
static int step(struct place *place, const char *target, int *was_unlocked, unsigned *room) {
    char name[256];
    int result = empty_directory(place->base, below_base(place), name, room);
    if (result == -EACCES && !*was_unlocked) {
        unlock(place->base, below_base(place));
        return *was_unlocked = 1;
    }
    *was_unlocked = 0;
    if (result == 1)
        return descend(place->path, name) < 0 ? -ENAMETOOLONG : 1;
    if (result < 0 || *room == 0)
        return result < 0 ? result : 1;
    result = remove_path(place->base, below_base(place));
    if (result == 0 && !text_equals(place->path, target)) {
        place->path[length_above(place->path, text_length(place->path))] = 0;
        return 1;
    }
    return result;
}

int removal_remove(int work, const char *target) {
    struct place place = {.work = work, .base = work};
    unsigned room = ISOLATE_REMOVED_MAX;
    int was_unlocked = 0, result = remove_path(work, target);
    if (result == 1 && begin(&place, target) == -ENAMETOOLONG)
        return -ENAMETOOLONG;
    while (result == 1 && room > 0) {
        room--;
        result = move_base(&place);
        if (result == 0)
            result = step(&place, target, &was_unlocked, &room);
        if (result == -ENOENT) { /* the program moved it meanwhile: start again */
            result = remove_path(work, target);
            begin(&place, target); /* the next step meets what fails here */
        }
    }
    forget_base(&place);
    return result;
}
