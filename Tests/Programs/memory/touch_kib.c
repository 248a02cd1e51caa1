// Touches as many KiB of new memory as its argument says, and exits with 0. Its own file has 2 MiB, all of
// which it reads: that stood in /work before it ran, and is not what it took.
#include <stdlib.h>
#include <sys/mman.h>

static const volatile char file[2 << 20] = {1};

int main(int argc, char **argv) {
    size_t size = (argc > 1 ? strtoul(argv[1], NULL, 10) : 1) << 10;
    volatile char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return 1;
    int sum = 0;
    for (size_t i = 0; i < sizeof file; i += 4096)
        sum += file[i];
    for (size_t i = 0; i < size; i += 4096)
        memory[i] = 1;
    return sum != 1;
}
