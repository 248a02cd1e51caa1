// Reads as many MiB of the files below /usr/lib as its argument says: page cache, not memory of its own.
#define _XOPEN_SOURCE 500
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char block[1 << 16];
static long left;

static int visit(const char *path, const struct stat *status, int type, struct FTW *place) {
    (void)status;
    (void)place;
    if (type != FTW_F)
        return 0;
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return 0;
    ssize_t count;
    while (left > 0 && (count = read(fd, block, sizeof block)) > 0)
        left -= count;
    close(fd);
    return left <= 0;
}

int main(int argc, char **argv) {
    long wanted = (argc > 1 ? atol(argv[1]) : 1) << 20;
    left = wanted;
    nftw("/usr/lib", visit, 16, FTW_PHYS);
    printf("%ld\n", (wanted - left) >> 20);
    return 0;
}
