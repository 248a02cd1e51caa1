// The last step of this folder's programs: with an argument they exec that program, which then inspects the
// sandbox with all that they left.
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline int left(int argc, char **argv) {
    fflush(NULL);
    if (argc > 1)
        execl(argv[1], argv[1], (char *)NULL);
    return argc > 1 ? 98 : 0;
}

// Exits with a message when something could not be left: a test that leaves nothing proves nothing.
static inline void must(int holds, const char *what) {
    if (!holds) {
        perror(what);
        exit(97);
    }
}
