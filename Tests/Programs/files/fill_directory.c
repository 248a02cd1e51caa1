// Fills the directory given with files of 1 MiB until there is no space, then exits with the status given.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char block[1 << 16];

int main(int argc, char **argv) {
    if (argc < 3)
        return 99;
    for (int number = 0;; number++) {
        char path[256];
        snprintf(path, sizeof path, "%s/fill-%d", argv[1], number);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
        int failed = fd < 0;
        for (int i = 0; i < 16 && !failed; i++)
            failed = write(fd, block, sizeof block) < 0;
        if (failed) {
            printf("%s\n", errno == ENOSPC ? "ENOSPC" : strerror(errno));
            return atoi(argv[2]);
        }
        close(fd);
    }
}
