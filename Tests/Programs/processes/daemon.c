// Leaves a daemon behind (two forks, a session of its own, no descriptors) that would write `late` after 300
// ms.
#include <fcntl.h>
#include <unistd.h>

int main(void) {
    if (fork() > 0)
        return 0;
    setsid();
    if (fork() > 0)
        _exit(0);
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    usleep(300000);
    open("/work/late", O_WRONLY | O_CREAT, 0666);
    for (;;)
        pause();
}
