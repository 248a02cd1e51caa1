// Leaves processes that are hard to end: in sessions of their own, double-forked, ignoring signals, stopped,
// waiting for a vforked child, subreapers, threads without their first thread.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "leave.h"

static void linger(void) {
    for (int number = 1; number < 65; number++)
        signal(number, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, 0);
    prctl(PR_SET_NAME, "isolate-agent");
    prctl(PR_SET_DUMPABLE, 0);
    for (;;)
        pause();
}

static void *linger_in_thread(void *unused) {
    linger();
    return unused;
}

static void leave(int kind) {
    pthread_t thread;
    pid_t child = fork();
    must(child >= 0, "fork");
    if (child > 0)
        return;
    setsid();
    switch (kind) {
    case 0:
        linger();
    case 1: // an orphan of an orphan
        if (fork() != 0)
            _exit(0);
        setsid();
        if (fork() != 0)
            _exit(0);
        linger();
    case 2:
        for (;;)
            kill(getpid(), SIGSTOP);
    case 3:
        if (vfork() == 0)
            linger();
        _exit(0);
    case 4:
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        if (fork() == 0 && fork() == 0)
            linger();
        linger();
    case 5:
        pthread_create(&thread, NULL, linger_in_thread, NULL);
        pthread_exit(NULL);
    case 6: // where the policy allows it
        child = fork();
        if (child == 0) {
            ptrace(PTRACE_TRACEME, 0, 0, 0);
            raise(SIGSTOP);
            linger();
        }
        linger();
    default: // changes its pid again and again
        for (;;)
            if (fork() != 0)
                _exit(0);
    }
}

int main(int argc, char **argv) {
    for (int kind = 0; kind < 8; kind++)
        leave(kind);
    usleep(20000);
    return left(argc, argv);
}
