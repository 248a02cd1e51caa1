// Writes as many MiB as its argument says into a memfd, which counts for no file system's quota.
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static char block[1 << 20];

int main(int argc, char **argv) {
    signal(SIGXFSZ, SIG_IGN);
    long left = argc > 1 ? atol(argv[1]) : 1;
    while (left > 0) {
        int fd = memfd_create("victim", 0);
        if (fd < 0)
            return 1;
        for (int i = 0; i < 8 && left > 0; i++, left--)
            if (write(fd, block, sizeof block) != sizeof block)
                return 1;
    }
    return 0;
}
