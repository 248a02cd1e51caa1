// flags: -static -O2 -pthread
// Faults after it has made its list of mappings as long as `argv[1]` says; with `argv[2]` threads that keep
// changing the mappings, so that a reader of the list has to wait. With a third argument it survives each
// fault and continues for ever.
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static char *base;
static size_t bytes;
static sigjmp_buf again;

static void *change(void *unused) {
    (void)unused;
    for (;;) {
        mprotect(base, bytes, PROT_READ | PROT_WRITE);
        mprotect(base, bytes, PROT_READ);
    }
    return NULL;
}

static void go_on(int signal) {
    (void)signal;
    siglongjmp(again, 1);
}

int main(int argc, char **argv) {
    long maps = atol(argv[1]), threads = atol(argv[2]);
    char name[201];
    memset(name, '\n', 200); // the kernel writes each as four characters
    name[200] = 0;
    for (int i = 0; i < 15; i++)
        if (mkdir(name, 0700) != 0 || chdir(name) != 0)
            break;
    int fd = open(name, O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, 1 << 20) != 0)
        return 3;
    bytes = 4096ul * (size_t)maps;
    base = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    for (long i = 0; i < maps; i++)
        if (mmap(base + 4096 * i, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 4096 * (i * 2 % 200)) ==
            MAP_FAILED)
            break;
    for (long i = 0; i < threads; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, change, NULL);
    }
    if (argc > 3) {
        struct sigaction action = {.sa_handler = go_on, .sa_flags = SA_NODEFER};
        sigaction(SIGSEGV, &action, NULL);
        sigsetjmp(again, 1);
    }
    usleep(argc > 3 ? 0 : 20000);
    *(volatile int *)8 = 1;
    return 0;
}
