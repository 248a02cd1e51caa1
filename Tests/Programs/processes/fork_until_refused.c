// Forks children that sleep until fork fails, prints how many it made and exits with the status given.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int made = 0;
    for (;;) {
        pid_t child = fork();
        if (child < 0)
            break;
        if (child == 0)
            for (;;)
                pause();
        made++;
    }
    printf("%d %s\n", made, errno == EAGAIN ? "EAGAIN" : "other");
    return argc > 1 ? atoi(argv[1]) : 1;
}
