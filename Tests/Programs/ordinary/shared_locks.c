// Takes 300 locks of an open file that 30 children share, and 3,000 times a lock that it releases again: few
// exist at any time.
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
    int shared = open("shared", O_RDWR | O_CREAT, 0600), own = open("own", O_RDWR | O_CREAT, 0600);
    for (int i = 0; i < 300; i++) {
        struct flock lock = {.l_type = F_WRLCK, .l_start = 2l * i, .l_len = 1};
        if (fcntl(shared, F_OFD_SETLK, &lock) != 0)
            return 2;
    }
    for (int i = 0; i < 30; i++)
        if (fork() == 0)
            for (;;)
                pause();
    for (int i = 0; i < 3000; i++) {
        struct flock lock = {.l_type = i % 2 == 0 ? F_WRLCK : F_UNLCK, .l_len = 1};
        if (fcntl(own, F_SETLK, &lock) != 0)
            return 3;
    }
    signal(SIGTERM, SIG_IGN);
    kill(0, SIGTERM);
    while (wait(NULL) > 0) {
    }
    return 0;
}
