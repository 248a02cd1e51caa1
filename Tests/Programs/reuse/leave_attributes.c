// Tries to change the sandbox's directories themselves: mode, owner, times, attributes, access lists, mounts
// on them. Prints what it could change.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "leave.h"

static void report(long result, const char *what, const char *path) {
    if (result == 0)
        printf("%s %s\n", what, path);
}

int main(int argc, char **argv) {
    static const char *const paths[] = {"/work", "/tmp",      "/dev/shm",        "/dev/mqueue",
                                        "/dev",  "/dev/null", "/dev/pts",        "/dev/ptmx",
                                        "/",     "/etc",      "/.swift-sandbox", "/proc"};
    // An access list as the kernel stores it: version 2, then entries of an owner, a user, a group, a mask
    // and others.
    static const unsigned char list[] = {2, 0, 0,   0,   1,   0,   7,  0, 255, 255, 255, 255, 2,   0,  7,
                                         0, 1, 0,   0,   0,   4,   0,  7, 0,   255, 255, 255, 255, 16, 0,
                                         7, 0, 255, 255, 255, 255, 32, 0, 7,   0,   255, 255, 255, 255};
    const struct timespec times[2] = {{1, 0}, {1, 0}};
    for (unsigned i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        const char *path = paths[i];
        report(chmod(path, 0700), "chmod", path);
        report(chmod(path, 02777), "chmod", path);
        report(chown(path, getuid(), getgid()), "chown", path);
        report(utimensat(AT_FDCWD, path, times, 0), "utimes", path);
        report(setxattr(path, "user.left", "secret", 6, 0), "user attribute", path);
        report(setxattr(path, "trusted.left", "secret", 6, 0), "trusted attribute", path);
        report(setxattr(path, "security.left", "secret", 6, 0), "security attribute", path);
        report(setxattr(path, "system.posix_acl_access", list, sizeof list, 0), "access list", path);
        report(setxattr(path, "system.posix_acl_default", list, sizeof list, 0), "default list", path);
        report(rename(path, "/tmp/renamed"), "rename", path);
        report(rmdir(path), "rmdir", path);
        int fd = open(path, O_RDONLY | O_DIRECTORY);
        int flags = FS_NODUMP_FL | FS_NOATIME_FL;
        if (fd >= 0) {
            report(ioctl(fd, FS_IOC_SETFLAGS, &flags), "flags", path);
            flock(fd, LOCK_EX | LOCK_NB);
        }
    }
    return left(argc, argv);
}
