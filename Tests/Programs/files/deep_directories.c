// Makes as many nested directories as its first argument says, with a file in the last one, and
// beside it as many directories with a file as its second says.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int depth = argc > 1 ? atoi(argv[1]) : 1000;
    for (int i = 0; i < depth; i++)
        if (mkdir("d", 0777) != 0 || chdir("d") != 0)
            return 1;
    for (int i = 0; argc > 2 && i < atoi(argv[2]); i++) {
        char name[32];
        snprintf(name, sizeof name, "%d", i);
        if (mkdir(name, 0777) != 0)
            return 3;
        snprintf(name, sizeof name, "%d/file", i);
        if (mknod(name, S_IFREG | 0666, 0) != 0)
            return 4;
    }
    int fd = open("file", O_WRONLY | O_CREAT, 0666);
    return fd >= 0 && write(fd, "deep", 4) == 4 ? 0 : 2;
}
