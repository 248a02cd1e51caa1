// flags: -O2 -s
// Touches as many KiB of new memory as its argument says, and exits with 0. Linked dynamically, as programs
// mostly are: the pages of a large executable in /work are memory of its own where no cgroup tells them
// apart.
#include <stdlib.h>
#include <sys/mman.h>

int main(int argc, char **argv) {
    size_t size = (argc > 1 ? strtoul(argv[1], NULL, 10) : 1) << 10;
    volatile char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return 1;
    for (size_t i = 0; i < size; i += 4096)
        memory[i] = 1;
    return 0;
}
