// Sends stdout into a pair of sockets that are themselves only in messages, so that no process holds it, and
// exits.
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int send_descriptor(int over, int fd) {
    char byte = 0, control[CMSG_SPACE(sizeof fd)];
    memset(control, 0, sizeof control);
    struct iovec data = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    return sendmsg(over, &message, 0) == 1 ? 0 : -1;
}

int main(void) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) != 0) {
        perror("socketpair");
        return 1;
    }
    if (write(1, "smuggled", 8) != 8)
        return 2;
    if (send_descriptor(pair[0], 1) != 0 || send_descriptor(pair[0], 2) != 0 ||
        send_descriptor(pair[0], pair[1]) != 0 || send_descriptor(pair[0], pair[0]) != 0)
        return 3;
    return 0;
}
