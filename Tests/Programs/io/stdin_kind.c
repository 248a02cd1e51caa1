// Prints the kind of its stdin, and tries to write to it, also after reopening it.
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void) {
    struct stat status;
    if (fstat(0, &status) != 0)
        return 1;
    puts(S_ISFIFO(status.st_mode) ? "fifo" : S_ISREG(status.st_mode) ? "regular" : "other");
    puts(write(0, "x", 1) == 1 ? "written" : "refused");
    int fd = S_ISREG(status.st_mode) ? open("/proc/self/fd/0", O_WRONLY) : -1;
    puts(fd >= 0 && write(fd, "x", 1) == 1 ? "rewritten" : "refused");
    puts(isatty(0) || isatty(1) || isatty(2) ? "terminal" : "no terminal");
    return 0;
}
