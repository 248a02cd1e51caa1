// Leaves objects without a name that processes hold: files without links, memory files, an abstract socket,
// locks, and descriptors in the messages of a ring of sockets that no process holds any more.
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "leave.h"

static int unlinked(const char *path) {
    char bytes[4096];
    memset(bytes, 's', sizeof bytes);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    must(fd >= 0 && unlink(path) == 0, path);
    for (int i = 0; i < 256; i++)
        must(write(fd, bytes, sizeof bytes) == sizeof bytes, "write");
    return fd;
}

static void send_along(int socket, int fd) {
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    struct iovec byte = {"x", 1};
    struct msghdr message = {
        .msg_iov = &byte, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    must(sendmsg(socket, &message, 0) == 1, "sendmsg");
}

int main(int argc, char **argv) {
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "\0left behind"};
    int pair[2], listener = socket(AF_UNIX, SOCK_STREAM, 0);
    must(bind(listener, (struct sockaddr *)&address, offsetof(struct sockaddr_un, sun_path) + 12) == 0 &&
             listen(listener, 8) == 0,
         "bind");
    int file = unlinked("/tmp/held"), shared = unlinked("/dev/shm/held");
    unlinked("/work/held");
    must(flock(shared, LOCK_EX) == 0, "flock");
    must(memfd_create("held", 0) >= 0, "memfd");
    must(mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) != MAP_FAILED, "mmap");
    must(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0, "socketpair");
    send_along(pair[0], file);
    send_along(pair[0], pair[1]);
    send_along(pair[1], pair[0]);
    if (fork() == 0) {
        setsid();
        signal(SIGTERM, SIG_IGN);
        for (;;)
            pause();
    }
    return left(argc, argv);
}
