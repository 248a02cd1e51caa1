// flags: -static -O1 -s
// A local array larger than the stack, touched only in its middle, like a table in a contest program.
#include <stdio.h>

enum { SIZE = 5000 };

int main(void) {
    long long table[SIZE][SIZE];
    volatile long long *middle = &table[SIZE / 2][0];
    *middle = 1;
    printf("%lld\n", *middle);
    return 0;
}
