// Has as many children as its first argument says, all alive for as many milliseconds as its second says.
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc < 3)
        return 99;
    for (int i = 0; i < atoi(argv[1]); i++) {
        pid_t child = fork();
        if (child < 0)
            return 1;
        if (child == 0) {
            usleep(atoi(argv[2]) * 1000);
            _exit(0);
        }
    }
    while (wait(NULL) > 0)
        ;
    return 0;
}
