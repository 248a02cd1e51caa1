// Leaves children that are its siblings (CLONE_PARENT): they end at once, or sleep if it has an argument.
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int c, char **v) {
    for (int i = 0; i < 3; i++) {
        long p = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
        if (p == 0) {
            sleep(c > 1 ? 100 : 0);
            _exit(3);
        }
    }
    usleep(50000);
    puts("parent ends");
    return 5;
}
