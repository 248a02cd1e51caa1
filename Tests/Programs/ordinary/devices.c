// Uses the devices that a program may rely on; exits with 0 when each works.
#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

static int open_and_read(const char *path, char *bytes) {
    int fd = open(path, O_RDONLY);
    return fd < 0 ? -1 : (int)read(fd, bytes, 16);
}

int main(void) {
    char bytes[16] = {1};
    if (open_and_read("/dev/null", bytes) != 0)
        return 1;
    if (open_and_read("/dev/zero", bytes) != 16 || bytes[0] != 0)
        return 2;
    if (open_and_read("/dev/urandom", bytes) != 16 || open_and_read("/dev/random", bytes) != 16)
        return 3;
    int null = open("/dev/null", O_WRONLY), full = open("/dev/full", O_WRONLY);
    if (write(null, bytes, 16) != 16 || (full >= 0 && write(full, bytes, 16) >= 0))
        return 4;
    return getrandom(bytes, 16, 0) == 16 ? 0 : 5;
}
