// A child takes far more memory than the limit, and prints every tenth of a second that it still has it,
// while the first thread faults with a list of mappings that takes long to read.
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
    if (fd < 0 || ftruncate(fd, 1 << 20) != 0)
        return 3;
    if (fork() == 0) {
        size_t bytes = 400ul << 20;
        usleep(300000);
        char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        memset(memory, 1, bytes);
        for (;;) {
            dprintf(1, "held\n");
            usleep(100000);
        }
    }
    for (int i = 0; i < MAPS; i++)
        mmap(NULL, 4096, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 4096L * (i % 3));
    signal(SIGSEGV, ignore);
    *(volatile int *)8 = 1;
    return 0;
}
