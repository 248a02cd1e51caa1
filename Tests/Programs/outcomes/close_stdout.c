// Closes stdout, continues, writes to stderr and exits with 3: the end of a stream is not the end of the
// program.
#include <stdio.h>
#include <unistd.h>

int main(void) {
    fputs("before", stdout);
    fclose(stdout);
    usleep(100000);
    fputs("after", stderr);
    return 3;
}
