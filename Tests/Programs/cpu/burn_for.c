// Uses as many milliseconds of CPU time as its argument says, then exits with 0.
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv) {
    long wanted = argc > 1 ? atol(argv[1]) : 100;
    struct timespec now;
    do
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    while (now.tv_sec * 1000 + now.tv_nsec / 1000000 < wanted);
    return 0;
}
