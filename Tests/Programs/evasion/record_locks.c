// Takes as many record locks as it can get, each of a byte of its own, and prints their number after every
// 4,096.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
    long most = argc > 1 ? atol(argv[1]) : 1l << 30, count = 0;
    for (int file = 0; count < most; file++) {
        char name[32];
        snprintf(name, sizeof name, "f%d", file);
        int fd = open(name, O_RDWR | O_CREAT, 0600);
        if (fd < 0)
            break;
        for (int i = 1000; i-- > 0 && count < most;) { // from the end, so that the kernel merges none
            struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 2l * i, .l_len = 1};
            if (fcntl(fd, F_SETLK, &lock) != 0)
                return 4;
            if (++count % 4096 == 0)
                dprintf(1, "%ld\n", count);
        }
    }
    dprintf(1, "%ld\n", count);
    sleep(argc > 1 ? 0 : 5);
    return 0;
}
