// Tries to open each path given for writing, or to make it, and prints `PATH: opened` or the error. Writes
// nothing.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        int fd = open(argv[i], O_WRONLY | O_CREAT | O_NONBLOCK, 0666);
        printf("%s: %s\n", argv[i], fd >= 0 ? "opened" : strerrorname_np(errno));
        if (fd >= 0)
            close(fd);
    }
    return 0;
}
