// Writes one line to stdout and one to stderr, then exits with the status given.
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    fputs("to stdout\n", stdout);
    fputs("to stderr\n", stderr);
    return argc > 1 ? atoi(argv[1]) : 0;
}
