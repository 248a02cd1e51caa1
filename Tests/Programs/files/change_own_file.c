// Tries every way to change the file that it was started from, or to leave something on it for the next run.
// Prints `found: …` for what an earlier run left, `changed: …` for each way that worked, and `content: …`, a
// hash of the file as it found it. Exits with 0.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char *const paths[] = {"victim", "/work/victim", "/proc/self/exe"};

static void tell(const char *what, const char *path, int worked) {
    if (worked)
        printf("changed: %s %s\n", what, path);
}

static unsigned long hash(const char *path) {
    unsigned long value = 14695981039346656037ul;
    unsigned char bytes[4096];
    ssize_t n;
    int fd = open(path, O_RDONLY);
    while ((n = read(fd, bytes, sizeof bytes)) > 0)
        for (ssize_t i = 0; i < n; i++)
            value = (value ^ bytes[i]) * 1099511628211ul;
    close(fd);
    return value;
}

static void write_through(const char *path, int flags) {
    int fd = open(path, flags);
    if (fd < 0)
        return;
    tell("open for writing", path, 1);
    tell("write", path, pwrite(fd, "XXXX", 4, 64) == 4);
    tell("truncate the open file", path, ftruncate(fd, 100) == 0);
    tell("allocate", path, fallocate(fd, 0, 0, 1 << 20) == 0);
    void *memory = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    tell("map", path, memory != MAP_FAILED);
    if (memory != MAP_FAILED)
        memset(memory, 'X', 4096);
    close(fd);
}

int main(void) {
    struct stat status;
    char value[16];
    printf("content: %lx\n", hash("victim"));
    if (stat("victim", &status) != 0 || (status.st_mode & 07777) != 0755 || status.st_uid != getuid())
        puts("found: another mode or owner");
    if (getxattr("victim", "user.left", value, sizeof value) >= 0)
        puts("found: an attribute");
    int own = open("victim", O_RDONLY);
    if (flock(own, LOCK_EX | LOCK_NB) != 0)
        puts("found: a lock");
    /* Locks and leases are left behind on purpose, held by a child that outlives this process. */
    if (fork() == 0) {
        fcntl(own, F_SETLEASE, F_RDLCK);
        close(0), close(1), close(2);
        for (;;)
            pause();
    }
    for (unsigned i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        const char *path = paths[i];
        write_through(path, O_WRONLY);
        write_through(path, O_RDWR);
        write_through(path, O_RDWR | O_TRUNC);
        tell("truncate", path, truncate(path, 10) == 0);
        tell("mode", path, chmod(path, 04777) == 0);
        tell("owner", path, chown(path, getuid(), getgid()) == 0);
        tell("time", path, utimensat(AT_FDCWD, path, 0, 0) == 0);
        tell("attribute", path, setxattr(path, "user.left", "x", 1, 0) == 0);
        tell("link", path, linkat(AT_FDCWD, path, AT_FDCWD, "linked", AT_SYMLINK_FOLLOW) == 0);
    }
    tell("mode of the open file", "victim", fchmod(own, 0) == 0);
    tell("rename", "victim", rename("victim", "renamed") == 0);
    tell("remove", "victim", unlink("victim") == 0);
    tell("replace", "victim", symlink("/bin/true", "other") == 0 && rename("other", "victim") == 0);
    return 0;
}
