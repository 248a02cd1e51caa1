// Uses CPU time in an endless series of children of a few milliseconds each, never two at once.
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
    for (;;) {
        pid_t child = fork();
        if (child == 0) {
            for (volatile unsigned long n = 0; n < 5000000; n++)
                ;
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
}
