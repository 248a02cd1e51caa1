// A child makes a blocked call; the program itself would leave with 0.
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
    if (fork() == 0) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        _exit(fd >= 0);
    }
    wait(NULL);
    usleep(20000);
    return 0;
}
