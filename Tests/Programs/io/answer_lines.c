// Prints `ready`, then answers each line of stdin at once.
#include <stdio.h>

int main(void) {
    char line[256];
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        printf("got %s", line);
        fflush(stdout);
    }
    return 0;
}
