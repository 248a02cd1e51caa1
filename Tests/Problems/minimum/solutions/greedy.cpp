#include <cstdlib>
#include <cstring>
int main() {
    while (char *piece = (char *)malloc(1 << 20))
        memset(piece, 1, 1 << 20);
    return 1;
}
