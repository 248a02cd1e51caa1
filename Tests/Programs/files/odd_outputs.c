// Leaves in its directory one of every kind that is not a regular file, and a hard link, which is one.
// `to-outside` points to the path given, which should be a file of the host's that the test may lose.
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv) {
    FILE *plain = fopen("plain", "w");
    if (plain == NULL)
        return 1;
    fputs("plain", plain);
    fclose(plain);
    int failed = symlink("plain", "to-plain") | symlink("/etc/passwd", "to-passwd") |
                 symlink("/proc/self/environ", "to-environ") |
                 symlink(argc > 1 ? argv[1] : "/nonexistent", "to-outside") | symlink("nowhere", "dangling") |
                 symlink("loop", "loop") | symlink("/dev/zero", "to-zero") | symlink("/etc", "to-etc") |
                 symlink(".", "here") | mkfifo("fifo", 0666) | mkdir("directory", 0777) |
                 link("plain", "hard");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, "socket");
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (failed || fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        perror("odd_outputs");
        return 1;
    }
    return 0;
}
