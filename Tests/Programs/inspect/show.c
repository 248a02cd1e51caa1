// Prints the files given, one after another.
#include <stdio.h>

int main(int argc, char **argv) {
    static char block[1 << 16];
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "r");
        if (file == NULL) {
            perror(argv[i]);
            return 1;
        }
        for (size_t count; (count = fread(block, 1, sizeof block, file)) > 0;)
            fwrite(block, 1, count, stdout);
        fclose(file);
    }
    return 0;
}
