// Makes a file of the size given without writing a byte of it; exits with 1 when that is refused.
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int fd = open("sparse", O_RDWR | O_CREAT, 0666);
    return fd >= 0 && ftruncate(fd, argc > 1 ? atoll(argv[1]) : 1ll << 50) == 0 ? 0 : 1;
}
