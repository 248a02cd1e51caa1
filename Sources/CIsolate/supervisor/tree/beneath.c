#include "tree/beneath.h"

#include <linux/openat2.h>
#include <linux/stat.h>

#include "sys.h"

enum { COPY_AT_ONCE = 1 << 30 };

int beneath_open(int dir, const char *path, int flags, int mode) {
    return sys_openat2(dir, path, flags, mode,
                       RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV);
}

int beneath_open_parent(int dir, const char *path, int may_create, const char **last) {
    int parent = beneath_open(dir, ".", O_PATH | O_DIRECTORY, 0);
    const char *part = path;
    while (parent >= 0) {
        char name[256];
        size_t n = 0;
        while (part[n] != 0 && part[n] != '/' && n + 1 < sizeof name) {
            name[n] = part[n];
            n++;
        }
        if (part[n] == 0) {
            *last = part;
            return parent;
        }
        if (part[n] != '/') {
            sys_close(parent);
            return -ENAMETOOLONG;
        }
        name[n] = 0;
        if (may_create)
            SYS_CALL_3(__NR_mkdirat, parent, name,
                       0755); /* EEXIST is the usual answer; the open below shows the rest */
        int next = beneath_open(parent, n == 0 ? "." : name, O_PATH | O_DIRECTORY, 0);
        sys_close(parent);
        parent = next;
        part += n + 1;
    }
    return parent;
}

int beneath_open_regular(int dir, const char *path, int flags, struct stat *status) {
    int fd = beneath_open(dir, path, O_PATH, 0);
    int result = fd < 0 ? fd : (int)SYS_CALL_2(__NR_fstat, fd, status);
    sys_close_fd(&fd);
    if (result < 0)
        return result;
    if (!S_ISREG(status->st_mode))
        return S_ISDIR(status->st_mode) ? -EISDIR : -ENXIO;
    /* The program may have replaced the file after the check: O_NONBLOCK keeps a FIFO from blocking the slot,
     * and the type is checked again. */
    fd = beneath_open(dir, path, flags | O_NONBLOCK | O_NOCTTY, 0);
    result = fd < 0 ? fd : (int)SYS_CALL_2(__NR_fstat, fd, status);
    if (result == 0 && !S_ISREG(status->st_mode))
        result = -ENXIO;
    if (result < 0) {
        sys_close_fd(&fd);
        return result;
    }
    return fd;
}

int beneath_create(int dir, const char *path, int executable) {
    const char *last = 0;
    int CLEANUP_CLOSE parent = beneath_open_parent(dir, path, 1, &last);
    if (parent < 0)
        return parent;
    /* A new inode: no process can hold the old one open or mapped, and no hard link leads to it. */
    int result = (int)SYS_CALL_3(__NR_unlinkat, parent, last, 0);
    if (result < 0 && result != -ENOENT)
        return result;
    int fd = beneath_open(parent, last, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd >= 0)
        SYS_CALL_2(__NR_fchmod, fd, executable ? 0755 : 0644);
    return fd;
}

int beneath_copy(int to, int from) {
    long n;
    while ((n = SYS_CALL_4(__NR_sendfile, to, from, 0, COPY_AT_ONCE)) > 0) {
    }
    return (int)n;
}

int beneath_fill(int dir, const char *path, int fd, int content) {
    int result = fd < 0 ? fd : beneath_copy(fd, content);
    if (result < 0 && fd >= 0) {
        const char *last = 0;
        int CLEANUP_CLOSE parent = beneath_open_parent(dir, path, 0, &last);
        SYS_CALL_3(__NR_unlinkat, parent, last, 0);
    }
    return result;
}
