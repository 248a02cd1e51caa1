// Opens /dev/null until that fails, keeps all of it open, prints how many and exits with the status given.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    int made = 0;
    while (open("/dev/null", O_RDONLY) >= 0)
        made++;
    printf("%d %s\n", made, errno == EMFILE ? "EMFILE" : "other");
    return argc > 1 ? atoi(argv[1]) : 1;
}
