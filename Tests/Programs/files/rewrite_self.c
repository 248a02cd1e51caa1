// Tries to write through /proc/self/exe while it runs, and exits with 0 if that was refused.
#include <fcntl.h>
#include <unistd.h>

int main(void) {
    int fd = open("/proc/self/exe", O_WRONLY);
    return fd >= 0 && write(fd, "x", 1) == 1;
}
