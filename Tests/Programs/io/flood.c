// Writes for ever to the descriptor given.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
    static char block[1 << 16];
    memset(block, 'x', sizeof block);
    int fd = argc > 1 ? atoi(argv[1]) : 1;
    for (;;)
        if (write(fd, block, sizeof block) < 0)
            return 1;
}
