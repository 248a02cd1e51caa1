// What the programs of this folder do last: with an argument they become that program, which then looks
// around in the midst of all that they left.
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline int left(int argc, char **argv) {
    fflush(NULL);
    if (argc > 1)
        execl(argv[1], argv[1], (char *)NULL);
    return argc > 1 ? 98 : 0;
}

// Ends with a word when something could not be left: a test that leaves nothing proves nothing.
static inline void must(int holds, const char *what) {
    if (!holds) {
        perror(what);
        exit(97);
    }
}
