// A child makes a blocked call; the program itself would exit with 0.
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
    if (fork() == 0) {
        int result = chroot("/tmp");
        _exit(result == 0);
    }
    wait(NULL);
    usleep(20000);
    return 0;
}
