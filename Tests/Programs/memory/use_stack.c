// Touches as many KiB of stack as its argument says, then exits with 0.
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    size_t size = (argc > 1 ? strtoul(argv[1], NULL, 10) : 1) << 10;
    volatile char *memory = __builtin_alloca(size);
    for (size_t i = size; i > 0; i--)
        memory[i - 1] = 1;
    return memory[size / 2] - 1;
}
