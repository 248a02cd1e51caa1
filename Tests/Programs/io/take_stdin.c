// Reads the given number of bytes of stdin, and leaves the rest.
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
    static char block[1 << 12];
    long left = argc > 1 ? atol(argv[1]) : 0, got = 0;
    while (left > 0) {
        ssize_t count = read(0, block, left < (long)sizeof block ? (size_t)left : sizeof block);
        if (count <= 0)
            break;
        left -= count;
        got += count;
    }
    printf("%ld\n", got);
    return 0;
}
