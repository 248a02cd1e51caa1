// Copies stdin to stdout.
#include <unistd.h>

int main(void) {
    static char block[1 << 16];
    ssize_t count;
    while ((count = read(0, block, sizeof block)) > 0)
        for (ssize_t done = 0; done < count;) {
            ssize_t wrote = write(1, block + done, (size_t)(count - done));
            if (wrote < 0)
                return 1;
            done += wrote;
        }
    return count < 0 ? 2 : 0;
}
