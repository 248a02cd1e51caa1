#include <cstdlib>
#include <cstring>
int main() {
    for (;;) {
        char *p = (char *)malloc(1 << 20);
        if (!p)
            return 1;
        memset(p, 1, 1 << 20);
    }
}
