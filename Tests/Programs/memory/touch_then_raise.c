// Touches as many MiB as its first argument says, then sends itself the signal that its second gives.
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc < 3)
        return 99;
    size_t size = strtoul(argv[1], NULL, 10) << 20;
    volatile char *memory = malloc(size);
    if (memory == NULL)
        return 1;
    for (size_t i = 0; i < size; i += 4096)
        memory[i] = 1;
    kill(getpid(), atoi(argv[2]));
    return 77;
}
