// Holds memory in the kernel: full pipes, made until a limit on descriptors or memory says stop.
#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>

static char block[1 << 16];

int main(void) {
    for (;;) {
        int ends[2];
        if (pipe2(ends, O_NONBLOCK) != 0)
            return 0;
        fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
        while (write(ends[1], block, sizeof block) > 0)
            ;
    }
}
