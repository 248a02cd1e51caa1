// Tries to kill its parent and pid 1, waits a little and exits with 0.
#include <signal.h>
#include <unistd.h>

int main(void) {
    if (getppid() > 0) // 0: the parent is in another namespace, and kill(0) would signal the own group
        kill(getppid(), SIGKILL);
    kill(1, SIGKILL);
    usleep(50000);
    return 0;
}
