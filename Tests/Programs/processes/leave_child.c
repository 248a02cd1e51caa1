// Leaves a child behind that holds stdout and stderr open, ignores every signal that it can and sleeps.
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main(void) {
    puts("parent is done");
    fflush(stdout);
    if (fork() == 0) {
        for (int number = 1; number < 65; number++)
            signal(number, SIG_IGN);
        for (;;)
            sleep(60);
    }
    return 0;
}
