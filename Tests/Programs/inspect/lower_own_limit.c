// Sets one of its own limits below the sandbox's, meets it, and exits with 1 unless a signal ends it.
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void lower(int resource, rlim_t to) {
    struct rlimit limit;
    getrlimit(resource, &limit);
    limit.rlim_cur = to;
    if (setrlimit(resource, &limit) != 0)
        _exit(98);
}

static int deeper(volatile char *above, unsigned long depth) {
    volatile char frame[1024];
    frame[depth % sizeof frame] = above[0] + 1;
    if (depth == ~0ul)
        return 0;
    return deeper(frame, depth + 1) + frame[depth % sizeof frame];
}

int main(int argc, char **argv) {
    static char block[8192];
    const char *kind = argc > 1 ? argv[1] : "";
    if (strcmp(kind, "cpu") == 0) {
        lower(RLIMIT_CPU, 1);
        for (volatile unsigned long i = 0;; i++)
            ;
    } else if (strcmp(kind, "fileSize") == 0) {
        lower(RLIMIT_FSIZE, 4096);
        int fd = open("small", O_WRONLY | O_CREAT, 0666);
        return write(fd, block, 4096) == 4096 && write(fd, block, sizeof block) < 0;
    } else if (strcmp(kind, "openFiles") == 0) {
        lower(RLIMIT_NOFILE, 8);
        while (open("/dev/null", O_RDONLY) >= 0)
            ;
        return 1;
    } else if (strcmp(kind, "processes") == 0) {
        lower(RLIMIT_NPROC, 0);
        pid_t child = fork();
        if (child == 0)
            _exit(0);
        return child < 0;
    } else if (strcmp(kind, "memory") == 0) {
        lower(RLIMIT_AS, 16 << 20);
        return malloc(64 << 20) == NULL;
    } else if (strcmp(kind, "stack") == 0) {
        lower(RLIMIT_STACK, 256 << 10);
        volatile char first[1] = {0};
        return deeper(first, 0);
    }
    return 99;
}
