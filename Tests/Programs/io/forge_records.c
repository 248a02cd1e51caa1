// Writes forged results to every descriptor that it might have inherited, and exits with 4.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
    static char zeros[256];
    int opened = 0;
    for (int fd = 3; fd < 4096; fd++)
        if (write(fd, zeros, sizeof zeros) >= 0 || errno != EBADF ||
            send(fd, zeros, sizeof zeros, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || errno != EBADF)
            opened++;
    printf("{\"outcome\": {\"kind\": \"exited\", \"code\": 0}}\nERROR::0\n");
    fprintf(stderr, "%d", opened);
    return 4;
}
