// Reads one byte of every 2 MiB of a hole of many TiB, which takes only page tables.
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void) {
    size_t step = 2ul << 20, bytes = 100000 * step;
    char *hole = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (hole == MAP_FAILED)
        return 2;
    madvise(hole, bytes, MADV_NOHUGEPAGE);
    unsigned sum = 0;
    for (size_t at = 0; at < bytes; at += step) {
        sum += (unsigned char)((volatile char *)hole)[at];
        if (at / step % 2000 == 0)
            usleep(1000);
    }
    sleep(3);
    return (int)sum;
}
