// flags: -static -O2
// Runs a shell in a terminal of its own, as pexpect and script do.
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
    int master;
    pid_t child = forkpty(&master, NULL, NULL, NULL);
    if (child < 0) {
        perror("forkpty");
        return 1;
    }
    if (child == 0) {
        int tty = open("/dev/tty", O_RDWR);
        dprintf(tty, "%s %d\n", ttyname(0) != NULL ? "named" : "unnamed", isatty(1));
        _exit(0);
    }
    char text[256] = "", *end = text;
    ssize_t n;
    while ((n = read(master, end, (size_t)(text + sizeof text - 1 - end))) > 0)
        end += n;
    int status;
    wait(&status);
    fputs(text, stdout);
    return status != 0;
}
