// Makes as many nested directories as its argument says, with a file in the last one.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int depth = argc > 1 ? atoi(argv[1]) : 1000;
    for (int i = 0; i < depth; i++)
        if (mkdir("d", 0777) != 0 || chdir("d") != 0)
            return 1;
    int fd = open("file", O_WRONLY | O_CREAT, 0666);
    return fd >= 0 && write(fd, "deep", 4) == 4 ? 0 : 2;
}
