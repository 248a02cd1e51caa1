// Sleeps as many milliseconds as its argument says, then exits with 0.
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
    usleep((argc > 1 ? atoi(argv[1]) : 100) * 1000);
    return 0;
}
