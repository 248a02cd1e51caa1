// Leaves processes that are hard to end, and ends at once: daemons by two forks, sessions of their own, all
// signals ignored, children of children; each would write `late` into its directory later.
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

static void linger(void) {
    for (int number = 1; number < 65; number++)
        signal(number, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, 0);
    prctl(PR_SET_DUMPABLE, 0);
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    usleep(1500000);
    open("late", O_WRONLY | O_CREAT, 0666);
    for (;;)
        pause();
}

int main(int argc, char **argv) {
    int wait_ms = argc > 1 ? atoi(argv[1]) : 0;
    for (int i = 0; i < 4; i++) {
        if (fork() != 0)
            continue;
        setsid();
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        if (fork() == 0 || fork() == 0)
            linger();
        if (i % 2 == 0)
            linger();
        _exit(0);
    }
    usleep(wait_ms * 1000);
    return 0;
}
