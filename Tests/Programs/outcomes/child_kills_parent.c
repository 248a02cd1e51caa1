// A child kills the program with SIGKILL.
#include <signal.h>
#include <unistd.h>

int main(void) {
    pid_t parent = getpid();
    if (fork() == 0) {
        kill(parent, SIGKILL);
        _exit(0);
    }
    for (;;)
        pause();
}
