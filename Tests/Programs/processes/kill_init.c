// Tries to kill its parent and pid 1, waits a little and leaves with 0.
#include <signal.h>
#include <unistd.h>

int main(void) {
    if (getppid() > 0) // 0: the parent is outside, and kill(0) means our own group
        kill(getppid(), SIGKILL);
    kill(1, SIGKILL);
    usleep(50000);
    return 0;
}
