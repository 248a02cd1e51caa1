// Tries to protect itself from the out-of-memory killer, prints whether it could, then takes memory for ever.
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int main(void) {
    int fd = open("/proc/self/oom_score_adj", O_WRONLY);
    if (fd >= 0 && write(fd, "-1000", 5) == 5) {
        if (write(2, "lowered\n", 8) != 8)
            return 99;
    }
    for (;;) {
        volatile char *memory = malloc(1 << 20);
        if (memory == NULL)
            return 1;
        for (int i = 0; i < 1 << 20; i += 4096)
            memory[i] = 1;
    }
}
