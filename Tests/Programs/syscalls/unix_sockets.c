// Uses a socket pair, and an abstract name, both AF_UNIX; exits with 0 when all of it works.
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(void) {
    int pair[2];
    char byte = 0;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 || write(pair[0], "x", 1) != 1 ||
        read(pair[1], &byte, 1) != 1 || byte != 'x')
        return 1;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, "\0victim", 7);
    socklen_t length = offsetof(struct sockaddr_un, sun_path) + 7;
    int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(server, (struct sockaddr *)&address, length) != 0 || listen(server, 1) != 0)
        return 2;
    return connect(client, (struct sockaddr *)&address, length) == 0 ? 0 : 3;
}
