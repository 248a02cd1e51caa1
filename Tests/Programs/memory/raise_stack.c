// Raises its own stack limit to `argv[1]` MiB, or to infinity, as recursive programs do, and uses `argv[2]`
// MiB of it.
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static int use(long kilobytes) {
    char room[1024];
    __asm__ volatile("" : : "r"(room) : "memory"); // the compiler must not turn the recursion into a loop
    int result = kilobytes == 0 ? 0 : use(kilobytes - 1);
    room[0] = (char)kilobytes;
    __asm__ volatile("" : : "r"(room) : "memory");
    return result;
}

int main(int argc, char **argv) {
    struct rlimit limit = {(rlim_t)atol(argv[1]) << 20, RLIM_INFINITY};
    if (argc < 3 || setrlimit(RLIMIT_STACK, &limit) != 0) {
        perror("setrlimit");
        return 1;
    }
    printf("ok %d\n", use(atol(argv[2]) << 10));
    return 0;
}
