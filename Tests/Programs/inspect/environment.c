// Prints its environment, one variable a line.
#include <stdio.h>

extern char **environ;

int main(void) {
    for (char **variable = environ; *variable != NULL; variable++)
        puts(*variable);
    return 0;
}
