// Writes exactly the given number of bytes to a descriptor: FD BYTES. Byte i is (i / 4096 + i) mod 251.
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
    static unsigned char block[1 << 16];
    if (argc < 3)
        return 99;
    long total = atol(argv[2]);
    for (long at = 0; at < total;) {
        long length = total - at < (long)sizeof block ? total - at : (long)sizeof block;
        for (long i = 0; i < length; i++)
            block[i] = (unsigned char)(((at + i) / 4096 + at + i) % 251);
        for (long done = 0; done < length;) {
            ssize_t count = write(atoi(argv[1]), block + done, (size_t)(length - done));
            if (count < 0)
                return 1;
            done += count;
        }
        at += length;
    }
    return 0;
}
