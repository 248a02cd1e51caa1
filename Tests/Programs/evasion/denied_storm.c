// Makes a refused call again and again, in as many processes as `argv[1]` says; each call costs the slot some
// work.
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv) {
    for (int i = argc > 1 ? atoi(argv[1]) : 1; i > 1; i--)
        if (fork() == 0)
            break;
    for (;;)
        socket(AF_INET, SOCK_STREAM, 0);
}
