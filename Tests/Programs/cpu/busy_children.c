// Uses CPU time in as many children as its argument says, and waits for them.
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int count = argc > 1 ? atoi(argv[1]) : 4;
    for (int i = 0; i < count; i++)
        if (fork() == 0)
            for (volatile unsigned long n = 0;; n++)
                ;
    while (wait(NULL) > 0)
        ;
    return 0;
}
