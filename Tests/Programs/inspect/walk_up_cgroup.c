// Looks for a cgroup to move to, wherever cgroups are mounted; prints what it could write to.
#define _GNU_SOURCE
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int visit(const char *path, const struct stat *status, int type, struct FTW *place) {
    (void)status;
    (void)place;
    if (type != FTW_F)
        return 0;
    int fd = open(path, O_WRONLY);
    if (fd >= 0) {
        puts(path);
        close(fd);
    }
    return 0;
}

int main(void) {
    nftw("/sys", visit, 16, FTW_PHYS);
    return 0;
}
