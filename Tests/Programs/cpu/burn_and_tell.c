// Uses as many microseconds of CPU time as its argument says, prints what its own clock shows in nanoseconds,
// and exits with 0.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv) {
    long long wanted = argc > 1 ? atoll(argv[1]) * 1000 : 0, used;
    struct timespec now;
    do {
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        used = now.tv_sec * 1000000000ll + now.tv_nsec;
    } while (used < wanted);
    printf("%lld\n", used);
    return 0;
}
