// Takes objects that the kernel counts per user until it refuses: inotify instances, timers, queued signals.
// Prints how many of each it got, and holds them until a line comes on stdin.
#include <signal.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 100000 };

int main(void) {
    int instances = 0, timers = 0, signals = 0;
    sigset_t blocked;
    sigfillset(&blocked);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    while (instances < 500 && inotify_init1(0) >= 0)
        instances++;
    union sigval value = {0};
    while (signals < MOST && sigqueue(getpid(), SIGRTMIN, value) == 0)
        signals++;
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1};
    while (timers < MOST && timer_create(CLOCK_MONOTONIC, &event, &timer) == 0)
        timers++;
    printf("%d %d\n", instances, timers + signals);
    fflush(stdout);
    getchar();
    return 0;
}
