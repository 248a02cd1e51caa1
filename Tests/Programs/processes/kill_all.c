// Kills every process that it can, which never includes itself, and exits with 7.
#include <signal.h>
#include <unistd.h>

int main(void) {
    kill(-1, SIGKILL);
    kill(-1, SIGSTOP);
    usleep(50000);
    return 7;
}
