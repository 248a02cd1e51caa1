// As many children as its first argument says touch as many MiB each as its second says, all held at one
// time.
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int count = argc > 1 ? atoi(argv[1]) : 8;
    size_t size = (argc > 2 ? strtoul(argv[2], NULL, 10) : 4) << 20;
    for (int i = 0; i < count; i++)
        if (fork() == 0) {
            volatile char *memory = malloc(size);
            for (size_t at = 0; memory != NULL && at < size; at += 4096)
                memory[at] = 1;
            usleep(200000);
            _exit(0);
        }
    while (wait(NULL) > 0)
        ;
    return 0;
}
