// Touches as many MiB of malloc'ed memory as its first argument says, and holds them for as many milliseconds
// as its second says.
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
    size_t size = (argc > 1 ? strtoul(argv[1], NULL, 10) : 1) << 20;
    volatile char *memory = malloc(size);
    if (memory == NULL)
        return 1;
    for (size_t i = 0; i < size; i += 4096)
        memory[i] = 1;
    if (argc > 2)
        usleep(atoi(argv[2]) * 1000);
    return 0;
}
