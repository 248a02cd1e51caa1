// Forks for ever, in every child too.
#include <unistd.h>

int main(void) {
    for (;;)
        if (fork() < 0)
            usleep(1000);
}
