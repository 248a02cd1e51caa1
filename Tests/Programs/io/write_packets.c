// Writes exactly the given number of bytes to a descriptor in packet mode (O_DIRECT): FD BYTES SIZE. Each
// write has SIZE bytes, or 1 to 5000 in turn when SIZE is 0. Byte i is (i / 4096 + i) mod 251. With more
// arguments it enlarges the pipe to the largest permitted size.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
    static unsigned char block[8192];
    if (argc < 4)
        return 99;
    int fd = atoi(argv[1]);
    long total = atol(argv[2]), size = atol(argv[3]);
    if (fcntl(fd, F_SETFL, O_DIRECT) < 0 || (argc > 4 && fcntl(fd, F_SETPIPE_SZ, 1 << 20) < 0))
        return 2;
    for (long at = 0, turn = 0; at < total; turn++) {
        long length = size > 0 ? size : 1 + turn * 37 % 5000;
        if (length > total - at)
            length = total - at;
        for (long i = 0; i < length; i++)
            block[i] = (unsigned char)(((at + i) / 4096 + at + i) % 251);
        for (long done = 0; done < length;) {
            ssize_t count = write(fd, block + done, (size_t)(length - done));
            if (count < 0)
                return 1;
            done += count;
        }
        at += length;
    }
    return 0;
}
