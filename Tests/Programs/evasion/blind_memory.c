// Two attacks at a time, each of which says that it holds: "maps held" once the first thread has so many
// mappings that their list takes long to read, over which it then faults; "memory held" every tenth of a
// second by a child that has far more memory than it may.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAPS = 60000 };

static void ignore(int signal) {
    (void)signal;
}

int main(void) {
    int fd = open("file", O_RDWR | O_CREAT, 0600);
    int ready[2];
    if (fd < 0 || ftruncate(fd, 1 << 20) != 0 || pipe(ready) != 0)
        return 3;
    if (fork() == 0) {
        size_t bytes = 400ul << 20;
        char byte;
        if (read(ready[0], &byte, 1) != 1)
            return 5;
        usleep(300000);
        char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        memset(memory, 1, bytes);
        for (;;) {
            dprintf(1, "memory held\n");
            usleep(100000);
        }
    }
    for (int i = 0; i < MAPS; i++)
        if (mmap(NULL, 4096, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 4096L * (i % 3)) ==
            MAP_FAILED)
            return 4;
    dprintf(1, "maps held\n");
    if (write(ready[1], "x", 1) != 1)
        return 6;
    signal(SIGSEGV, ignore);
    *(volatile int *)8 = 1;
    return 0;
}
