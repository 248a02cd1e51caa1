/* @EXPECTED_SCORE@: 40 */
#include <stdio.h>

int main(void) {
    unsigned number;
    if (scanf("%u", &number) != 1)
        return 1;
    printf("%d\n", (int)(number * number));
}
