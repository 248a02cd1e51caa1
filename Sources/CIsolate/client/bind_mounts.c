/* Checks the directories that a caller binds into the root, and writes them to the configuration. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "internal.h"

static int is_in_one_of(const char *const directories[], size_t count, const char *path) {
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(directories[i]);
        if (strncmp(path, directories[i], length) == 0 && (path[length] == 0 || path[length] == '/'))
            return 1;
    }
    return 0;
}

/* Directories that the sandbox makes itself: something over them would hide its own mounts. */
static int is_own_directory(const char *path) {
    static const char *const own[] = {"/work", "/tmp", "/dev", "/proc", "/run", "/sys"};
    return is_in_one_of(own, sizeof own / sizeof own[0], path);
}

/* Directories of the host with nothing but the kernel's interfaces and devices, whatever is mounted there. */
static int is_kernel_directory(const char *path) {
    static const char *const directories[] = {"/dev", "/proc", "/sys"};
    return is_in_one_of(directories, sizeof directories / sizeof directories[0], path);
}

static int is_plain_part(const char *part, size_t length) {
    return length > 0 && !(length == 1 && part[0] == '.') &&
           !(length == 2 && part[0] == '.' && part[1] == '.');
}

int isolate_internal_is_bind_target(const char *target) {
    if (target == NULL || target[0] != '/' || strlen(target) > ISOLATE_BIND_MOUNT_PATH_BYTES ||
        is_own_directory(target))
        return 0;
    for (const char *part = target + 1;;) {
        size_t length = strcspn(part, "/");
        if (!is_plain_part(part, length))
            return 0;
        if (part[length] == 0)
            return 1;
        part += length + 1;
    }
}

/* The kernel refuses an overlay over most of them as well. */
static int is_kernel_interface(const char *path) {
    static const unsigned magics[] = ISOLATE_KERNEL_FILE_SYSTEMS;
    struct statfs status;
    if (statfs(path, &status) != 0)
        return 0; /* opening it shows the error */
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++)
        if ((unsigned)status.f_type == magics[i])
            return 1;
    return 0;
}

int isolate_internal_is_mount_below(char *line, const char *path) {
    char *rest = line, *field = NULL;
    size_t length = strlen(path);
    for (int i = 0; i < 5; i++) /* the fifth is the mount point */
        field = strsep(&rest, " ");
    if (field == NULL)
        return 0;
    isolate_internal_unescape(field);
    return strncmp(field, path, length) == 0 && field[length] == '/';
}

/* Whether this process sees a mount below the directory. An overlay would show what that mount hides. 0 or a
 * positive errno. */
static int look_for_mounts_below(const char *path) {
    FILE *file = fopen("/proc/self/mountinfo", "re");
    char *line = NULL;
    size_t size = 0;
    int error = file == NULL ? errno : 0;
    while (error == 0) {
        errno = 0;
        if (getline(&line, &size, file) < 0)
            break;
        if (isolate_internal_is_mount_below(line, path))
            error = EXDEV;
    }
    if (error == 0 && !feof(file))
        error = errno != 0 ? errno : EIO;
    free(line);
    if (file != NULL)
        fclose(file);
    return error;
}

/* 0 or a positive errno; `path` gets the directory's own path, without links. */
static int find_source(const char *source, char path[PATH_MAX], struct stat *status) {
    if (source == NULL || source[0] != '/')
        return EINVAL;
    if (realpath(source, path) == NULL || stat(path, status) != 0)
        return errno;
    return S_ISDIR(status->st_mode) ? 0 : ENOTDIR;
}

uint64_t isolate_directory_birth(const char *path) {
    struct statx status;
    if (statx(AT_FDCWD, path, 0, STATX_BTIME, &status) != 0 || !(status.stx_mask & STATX_BTIME))
        return 0;
    return (uint64_t)status.stx_btime.tv_sec * 1000000000 + status.stx_btime.tv_nsec;
}

static int refuse(isolate_failure *failure, int error, int step, size_t position) {
    *failure = isolate_internal_failure(ISOLATE_STAGE_BIND_MOUNT, error, step | (int)position);
    return -error;
}

int isolate_internal_add_bind_mounts(struct config_builder *b, const isolate_bind_mount *mounts, size_t count,
                                     isolate_failure *failure) {
    struct isolate_config *config = b->config;
    if (count > ISOLATE_BIND_MOUNT_MAX)
        return refuse(failure, E2BIG, ISOLATE_DETAIL_BIND_MOUNT_REQUEST, ISOLATE_BIND_MOUNT_MAX - 1);
    if (count > 0 && !(config->features & ISOLATE_FEATURE_NAMESPACES))
        return refuse(failure, EPERM, ISOLATE_DETAIL_BIND_MOUNT_TARGET, 0);
    for (size_t i = 0; i < count; i++) {
        char path[PATH_MAX];
        struct stat status;
        if (!isolate_internal_is_bind_target(mounts[i].target))
            return refuse(failure, EINVAL, ISOLATE_DETAIL_BIND_MOUNT_REQUEST, i);
        int error = find_source(mounts[i].source, path, &status);
        if (error == 0 && (strcmp(path, "/") == 0 || is_kernel_directory(path) || is_kernel_interface(path)))
            return refuse(failure, EPERM, ISOLATE_DETAIL_BIND_MOUNT_REQUEST, i);
        if (error == 0)
            error = look_for_mounts_below(path);
        if (error != 0)
            return refuse(failure, error, ISOLATE_DETAIL_BIND_MOUNT_SOURCE, i);
        config->bind_mount_devices[i] = (uint64_t)status.st_dev;
        config->bind_mount_inodes[i] = (uint64_t)status.st_ino;
        config->bind_mount_births[i] = isolate_directory_birth(path);
        config->bind_mounts[i] = (struct isolate_bind){ISOLATE_BIND_TREE, isolate_internal_add_text(b, path),
                                                       isolate_internal_add_text(b, mounts[i].target + 1)};
    }
    config->bind_mount_count = (uint32_t)count;
    return 0;
}
