// Closes stdout, goes on, writes to stderr and leaves with 3: the end of a stream is not the end of a
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
