// Tries to reach the Unix sockets named by its arguments, by every kind of socket; prints the kinds that
// succeeded.
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const struct {
    const char *name;
    int type;
} kinds[] = {
    {"stream", SOCK_STREAM}, {"seqpacket", SOCK_SEQPACKET}, {"datagram", SOCK_DGRAM}, {"raw", SOCK_RAW}};

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        for (unsigned k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
            struct sockaddr_un address = {.sun_family = AF_UNIX};
            int pair[2] = {-1, -1}, fd = socket(AF_UNIX, kinds[k].type, 0);
            strncpy(address.sun_path, argv[i], sizeof address.sun_path - 1);
            struct msghdr message = {.msg_name = &address, .msg_namelen = sizeof address};
            struct iovec byte = {"x", 1};
            message.msg_iov = &byte;
            message.msg_iovlen = 1;
            socketpair(AF_UNIX, kinds[k].type, 0, pair);
            if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
                printf("connect %s\n", kinds[k].name);
            if (sendto(fd, "x", 1, 0, (struct sockaddr *)&address, sizeof address) == 1)
                printf("sendto %s\n", kinds[k].name);
            if (sendmsg(fd, &message, 0) == 1)
                printf("sendmsg %s\n", kinds[k].name);
            if (pair[0] >= 0 && kinds[k].type != SOCK_STREAM && kinds[k].type != SOCK_SEQPACKET &&
                sendmsg(pair[0], &message, 0) == 1)
                printf("pair %s\n", kinds[k].name);
        }
    return 0;
}
