// Closes every descriptor, and exits with 5 a little later.
#include <unistd.h>

int main(void) {
    for (int fd = 0; fd < 1024; fd++)
        close(fd);
    usleep(50000);
    return 5;
}
