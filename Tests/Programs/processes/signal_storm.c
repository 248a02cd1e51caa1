// Sends every signal to pid 1 and to its parent, many times, and exits with 0.
#define _GNU_SOURCE
#include <signal.h>
#include <unistd.h>

int main(void) {
    pid_t parent = getppid();
    for (int round = 0; round < 500; round++)
        for (int number = 1; number < 65; number++) {
            kill(1, number);
            if (parent > 0)
                kill(parent, number);
            sigqueue(1, number, (union sigval){.sival_int = round});
        }
    return 0;
}
