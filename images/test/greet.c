// The only program of the test images: prints its arguments in one line, or without any copies stdin to
// stdout.
#include <stdio.h>

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        if (printf(i + 1 < argc ? "%s " : "%s\n", argv[i]) < 0) {
            return 1;
        }
    }
    for (int byte; argc == 1 && (byte = getchar()) != EOF;) {
        if (putchar(byte) == EOF) {
            return 1;
        }
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
