// Makes as many empty files as its argument says, and exits with 1 when one is refused.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int count = argc > 1 ? atoi(argv[1]) : 1000;
    for (int i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "file-%d", i);
        int fd = open(name, O_WRONLY | O_CREAT, 0666);
        if (fd < 0) {
            perror(name);
            return 1;
        }
        close(fd);
    }
    return 0;
}
