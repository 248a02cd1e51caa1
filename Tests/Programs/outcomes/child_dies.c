// A child ends itself by the signal given; the program waits for it and exits with the status given.
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc < 3)
        return 99;
    if (fork() == 0) {
        kill(getpid(), atoi(argv[1]));
        _exit(0);
    }
    wait(NULL);
    return atoi(argv[2]);
}
