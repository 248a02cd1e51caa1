// Leaves files of every kind in every directory: deep, locked, linked, oddly named, with attributes, without
// a name.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "leave.h"

static void make(const char *name, mode_t mode) {
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    must(fd >= 0 && write(fd, "secret", 6) == 6 && fchmod(fd, mode) == 0 && close(fd) == 0, name);
}

static void leave_socket(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    must(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0, "socket");
}

static void leave_deep(void) {
    for (int i = 0; i < 600; i++)
        must(mkdir("deeper and deeper", 0777) == 0 && chdir("deeper and deeper") == 0, "deep");
    make("at the bottom", 0);
    for (int i = 0; i < 600; i++) {
        must(chdir("..") == 0, "..");
        // No process may pass any more.
        must(chmod("deeper and deeper", i % 3 == 0 ? 0 : 0300) == 0, "lock");
    }
}

static void leave(const char *place) {
    char longest[256];
    must(chdir(place) == 0, place);
    memset(longest, 'x', 255);
    longest[255] = 0;
    make(longest, 0644);
    make("line\nbreak", 0644);
    make(" ", 0644);
    make("...", 0644);
    make("\xff\xfe", 0644);
    make(".hidden", 0);
    make("-rf", 07777);
    must(mkdir("locked", 0777) == 0 && mkdir("locked/in", 0777) == 0, "locked");
    make("locked/in/file", 0);
    must(chmod("locked/in", 0) == 0 && chmod("locked", 01000) == 0, "lock");
    must(mkdir("sticky", 07777) == 0 && chmod("sticky", 07777) == 0, "sticky");
    make("sticky/file", 0444);
    must(link(".hidden", "a second name") == 0 && link("a second name", "sticky/a third name") == 0, "link");
    must(symlink("/etc", "symlink") == 0 && symlink("..", "sticky/up") == 0 && symlink("loop", "loop") == 0,
         "symlink");
    must(mkfifo("fifo", 0666) == 0, "fifo");
    leave_socket();
    leave_deep();
    // Where the file system supports them.
    setxattr("line\nbreak", "user.left", "secret", 6, 0);
    make("sparse", 0666);
    must(truncate("sparse", 1 << 20) == 0, "sparse");
    must(mkdir("many", 0777) == 0, "many");
    for (int i = 0; i < 300; i++) {
        char name[32];
        snprintf(name, sizeof name, "many/%d", i);
        make(name, 0400);
    }
    must(chmod("many", 0500) == 0, "many");
}

int main(int argc, char **argv) {
    umask(0);
    leave("/tmp");
    leave("/dev/shm");
    leave("/work");
    return left(argc, argv);
}
