// A child takes memory until it is killed; the program itself is small, survives that and exits with 0.
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
    if (fork() == 0)
        for (;;) {
            volatile char *memory = malloc(1 << 20);
            if (memory == NULL)
                _exit(0);
            for (int i = 0; i < 1 << 20; i += 4096)
                memory[i] = 1;
        }
    wait(NULL);
    return 0;
}
