// Writes a file of the size given: PATH BYTES STATUS [ignore]. After a refused write it exits with STATUS;
// `ignore` ignores SIGXFSZ.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char block[1 << 16];

int main(int argc, char **argv) {
    if (argc < 4)
        return 99;
    if (argc > 4)
        signal(SIGXFSZ, SIG_IGN);
    int fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0666);
    long left = atol(argv[2]);
    if (fd < 0)
        return 98;
    while (left > 0) {
        ssize_t count = write(fd, block, left < (long)sizeof block ? (size_t)left : sizeof block);
        if (count < 0) {
            printf("%s\n", errno == EFBIG ? "EFBIG" : errno == ENOSPC ? "ENOSPC" : strerror(errno));
            return atoi(argv[3]);
        }
        left -= count;
    }
    return 0;
}
