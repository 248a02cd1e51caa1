// Sends itself the signal given as its argument; exits with 77 when it survives that.
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
    kill(getpid(), argc > 1 ? atoi(argv[1]) : SIGTERM);
    return 77;
}
