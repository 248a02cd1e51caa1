/* Removes a dead owner's directories of level minimal, which served its sandboxes as /work and /tmp. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

/* Opens a directory of this user so that it can be emptied, whatever its mode. */
static DIR *open_own(int parent, const char *name) {
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == EACCES && fchmodat(parent, name, 0700, AT_SYMLINK_NOFOLLOW) == 0)
        fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat status;
    int is_ours = fd >= 0 && fstat(fd, &status) == 0 && (status.st_uid == geteuid() || geteuid() == 0);
    DIR *list = is_ours ? fdopendir(fd) : NULL;
    if (list == NULL)
        isolate_internal_close(&fd);
    return list;
}

static int is_dot(const char *name) {
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Removes files, and moves directories that are not empty up to `top`: the program that made this tree may
 * have made it arbitrarily deep. Does not walk by "..", as supervisor/tree/plain.c does: a process of the
 * dead owner may still live here, and move the current directory or replace it by a link. */
static int empty_into(int top, DIR *list, unsigned *number, uint64_t end_ms) {
    int seen = 0;
    rewinddir(list);
    for (struct dirent *entry; (entry = readdir(list)) != NULL;) {
        char moved[32];
        if (is_dot(entry->d_name))
            continue;
        if (isolate_internal_now_ms() > end_ms)
            return -ETIME;
        seen = 1;
        if (unlinkat(dirfd(list), entry->d_name, 0) == 0 ||
            unlinkat(dirfd(list), entry->d_name, AT_REMOVEDIR) == 0)
            continue;
        if (errno != ENOTEMPTY && errno != EEXIST && errno != EACCES)
            return -errno;
        /* Where the mode cannot be changed the move fails, and the entry is met again until the time is over.
         */
        if (fchmodat(dirfd(list), entry->d_name, 0700, AT_SYMLINK_NOFOLLOW) != 0)
            errno = 0;
        do
            snprintf(moved, sizeof moved, "moved-%u", ++*number);
        while (renameat2(dirfd(list), entry->d_name, top, moved, RENAME_NOREPLACE) != 0 && errno == EEXIST);
    }
    return seen;
}

static int remove_scratch(int parent, const char *name, uint64_t end_ms) {
    DIR *top = open_own(parent, name);
    unsigned number = 0;
    int result = top == NULL ? -errno : 1;
    while (result > 0) {
        result = empty_into(dirfd(top), top, &number, end_ms);
        rewinddir(top);
        for (struct dirent *entry; result > 0 && (entry = readdir(top)) != NULL;) {
            if (is_dot(entry->d_name))
                continue;
            DIR *list = open_own(dirfd(top), entry->d_name);
            int emptied = list == NULL ? -errno : empty_into(dirfd(top), list, &number, end_ms);
            if (list != NULL)
                closedir(list);
            if (emptied < 0 && emptied != -ENOENT)
                result = emptied;
        }
    }
    if (top != NULL)
        closedir(top);
    return result < 0 ? result : unlinkat(parent, name, AT_REMOVEDIR) == 0 ? 0 : -errno;
}

/* Any user may make a directory of such a name here, also one that names a dead owner. So another user's
 * directory is left alone, also by root, and this user's own take only the time that remains. The cheap
 * checks come first, since there may be very many names. */
static int is_ours_to_remove(int dir, const char *name) {
    struct stat status;
    return strncmp(name, INTERNAL_CGROUP_PREFIX, sizeof INTERNAL_CGROUP_PREFIX - 1) == 0 &&
           fstatat(dir, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode) &&
           status.st_uid == geteuid() && isolate_internal_owner_of(name) == INTERNAL_OWNER_DEAD;
}

int isolate_internal_remove_dead_scratch(uint64_t end_ms, void (*removed)(const char *path, void *context),
                                         void *context) {
    const char *parent = getenv("TMPDIR");
    int count = 0, worst = 0;
    DIR *list = opendir(parent != NULL && parent[0] == '/' ? parent : "/tmp");
    if (list == NULL && errno != ENOENT)
        worst = -errno;
    for (struct dirent *entry; list != NULL && (entry = readdir(list)) != NULL;) {
        if (isolate_internal_now_ms() > end_ms) {
            worst = -ETIME;
            break;
        }
        if (!is_ours_to_remove(dirfd(list), entry->d_name))
            continue;
        int result = remove_scratch(dirfd(list), entry->d_name, end_ms);
        if (result < 0) {
            worst = result;
            continue;
        }
        count++;
        char path[4200];
        snprintf(path, sizeof path, "%s/%s", parent != NULL && parent[0] == '/' ? parent : "/tmp",
                 entry->d_name);
        if (removed != NULL)
            removed(path, context);
    }
    if (list != NULL)
        closedir(list);
    return worst < 0 ? worst : count;
}
