// Changes the root file system in every way; prints each result: "step: done" or an errno's name. TREE: a
// directory of the image with another directory in it, which is moved to TREE.moved.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static void say(const char *step, int result) {
    printf("%s: %s\n", step, result >= 0 ? "done" : strerrorname_np(errno));
}

static int put(const char *path, int flags, const char *text) {
    int fd = open(path, O_WRONLY | flags, 0644);
    int result = fd < 0 ? -1 : (int)write(fd, text, strlen(text));
    if (fd >= 0)
        close(fd);
    return result;
}

// Writes a new file next to the old one, and renames it over the old one.
static int replace(const char *path, const char *text, mode_t mode) {
    char beside[256];
    snprintf(beside, sizeof beside, "%s.dpkg-new", path);
    if (put(beside, O_CREAT | O_EXCL, text) < 0 || chmod(beside, mode) < 0)
        return -1;
    return rename(beside, path);
}

static int holds(const char *path, const char *text) {
    char found[256] = "";
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, found, sizeof found - 1);
    if (fd >= 0)
        close(fd);
    errno = ENODATA;
    return n == (ssize_t)strlen(text) && strcmp(found, text) == 0 ? 0 : -1;
}

int main(int argc, char **argv) {
    char moved[256];
    if (argc != 2)
        return 99;
    snprintf(moved, sizeof moved, "%s.moved", argv[1]);
    say("make in /", put("/made", O_CREAT | O_EXCL, "made"));
    say("make in /etc", put("/etc/made", O_CREAT | O_EXCL, "made"));
    say("make in /usr", put("/usr/made", O_CREAT | O_EXCL, "made"));
    say("make in /usr/bin", put("/usr/bin/made", O_CREAT | O_EXCL, "made"));
    say("make directory", mkdir("/own", 0755));
    say("make below it", mkdir("/own/below", 0755));
    say("overwrite", put("/usr/bin/yes", O_TRUNC, "overwritten"));
    say("append", put("/etc/passwd", O_APPEND, "more:x:4242:4242::/:/bin/sh\n"));
    say("truncate", truncate("/usr/bin/factor", 3));
    say("chmod", chmod("/usr/bin/nl", 0700));
    say("chmod directory", chmod("/usr/bin", 0711));
    say("chown to itself", chown("/usr/bin/nl", getuid(), getgid()));
    say("hard link", link("/usr/bin/tac", "/usr/bin/tac.linked"));
    say("symbolic link", symlink("tac", "/usr/bin/tac.symbolic"));
    say("rename", rename("/usr/bin/paste", "/usr/bin/paste.moved"));
    say("remove", unlink("/usr/bin/fold"));
    say("replace", replace("/usr/bin/od", "replaced", 0755));
    say("replace sh", replace("/bin/sh", "#!/work/victim\n", 0755));
    say("rename own directory", rename("/own", "/renamed"));
    say("rename directory", rename(argv[1], moved));
    say("times", utimensat(AT_FDCWD, "/usr/bin/join", NULL, 0));
    say("attribute", setxattr("/usr/bin/join", "user.made", "x", 1, 0));
    // Steps that fail in every mode.
    say("chown to another", chown("/usr/bin/nl", 1, 1));
    say("capability", setxattr("/usr/bin/nl", "security.capability",
                               "\1\0\0\2\xff\xff\xff\xff\0\0\0\0\0\0\0\0\0\0\0\0", 20, 0));
    say("layer attribute", setxattr("/usr/bin/nl", "trusted.overlay.redirect", "/", 1, 0));
    say("device", mknod("/usr/bin/device", S_IFCHR | 0666, makedev(1, 1)));
    say("block device", mknod("/block", S_IFBLK | 0666, makedev(254, 0)));
    say("lower", access("/lower", F_OK));
    say("upper", access("/run/scratch/upper", F_OK));
    say("staging", access("/run/scratch/root", F_OK));
    // The changes are visible.
    say("see overwritten", holds("/usr/bin/yes", "overwritten"));
    say("see replaced", holds("/usr/bin/od", "replaced"));
    say("see linked", access("/usr/bin/tac.linked", X_OK));
    say("see removed", access("/usr/bin/fold", F_OK));
    return 0;
}
