// As many children as its first argument says touch as many MiB each as its second says. All hold them at the
// same time: no child ends before all have their memory, however slow the machine is.
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int count = argc > 1 ? atoi(argv[1]) : 8, touched[2], end[2];
    size_t size = (argc > 2 ? strtoul(argv[2], NULL, 10) : 4) << 20;
    if (pipe(touched) < 0 || pipe(end) < 0)
        return 1;
    for (int i = 0; i < count; i++)
        if (fork() == 0) {
            char byte = 0;
            close(end[1]);
            volatile char *memory = malloc(size);
            for (size_t at = 0; memory != NULL && at < size; at += 4096)
                memory[at] = 1;
            // Then the child waits until the parent closes its side.
            _exit(write(touched[1], &byte, 1) == 1 && read(end[0], &byte, 1) == 0 ? 0 : 1);
        }
    close(touched[1]);
    char byte;
    // Ends early when the children are dead.
    for (int i = 0; i < count && read(touched[0], &byte, 1) == 1; i++)
        ;
    usleep(400000);
    close(end[1]);
    while (wait(NULL) > 0)
        ;
    return 0;
}
