// `listen NAME MS` holds an abstract socket for that long; `connect NAME` prints `connected` or `refused`.
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc < 3)
        return 99;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(argv[2]);
    memcpy(address.sun_path + 1, argv[2], length);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0)
        return 1;
    if (argc > 3) {
        if (bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 1) != 0)
            return 2;
        puts("listening");
        fflush(stdout);
        usleep(atoi(argv[3]) * 1000);
    } else {
        puts(connect(fd, (struct sockaddr *)&address, size) == 0 ? "connected" : "refused");
    }
    return 0;
}
