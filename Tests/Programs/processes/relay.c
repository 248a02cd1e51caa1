// A chain of processes, each of which makes the next and ends, so that a list of processes is always out of
// date. The first one stays for the given milliseconds, and exits with the status given.
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc < 3)
        return 99;
    for (int chain = 0; chain < 4; chain++)
        if (fork() == 0)
            for (;;) {
                setsid();
                if (fork() > 0)
                    _exit(0);
            }
    usleep(atoi(argv[2]) * 1000);
    return atoi(argv[1]);
}
