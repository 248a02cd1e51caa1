// Takes record locks where the fdinfo of the first thread does not show them, one byte each, until a lock is
// refused or it has 60,000; prints how many: leaderGone | mapped | passed.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST = 60000, PER_FILE = 1000 };

static const char *mode;

static int open_next(int number) {
    char name[32];
    snprintf(name, sizeof name, "f%d", number);
    return open(name, O_RDWR | O_CREAT, 0600);
}

static void keep(int fd, int sockets[2]) {
    if (strcmp(mode, "mapped") == 0) {
        ftruncate(fd, 4096);
        mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    } else {
        union {
            struct cmsghdr header;
            char bytes[CMSG_SPACE(sizeof(int))];
        } control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
        struct iovec byte = {"x", 1};
        struct msghdr message = {.msg_iov = &byte,
                                 .msg_iovlen = 1,
                                 .msg_control = control.bytes,
                                 .msg_controllen = CMSG_LEN(sizeof(int))};
        memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
        sendmsg(sockets[0], &message, MSG_DONTWAIT);
    }
    close(fd);
}

static void *take(void *unused) {
    int is_of_file = strcmp(mode, "leaderGone") != 0, sockets[2];
    long count = 0;
    (void)unused;
    usleep(50000);
    socketpair(AF_UNIX, SOCK_DGRAM, 0, sockets);
    for (int file = 0; count < MOST; file++) {
        int fd = open_next(file);
        for (int i = PER_FILE; i-- > 0 && count < MOST; count++) {
            struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 2l * i, .l_len = 1};
            if (fcntl(fd, is_of_file ? F_OFD_SETLK : F_SETLK, &lock) != 0) {
                dprintf(1, "%ld %s\n", count, errno == ENOLCK ? "ENOLCK" : strerror(errno));
                syscall(SYS_exit_group, 0);
            }
        }
        if (is_of_file)
            keep(fd, sockets);
    }
    dprintf(1, "%ld all\n", count);
    syscall(SYS_exit_group, 0);
    return NULL;
}

int main(int argc, char **argv) {
    pthread_t thread;
    mode = argc > 1 ? argv[1] : "mapped";
    if (strcmp(mode, "leaderGone") != 0)
        take(NULL);
    pthread_create(&thread, NULL, take, NULL);
    syscall(SYS_exit, 0);
}
