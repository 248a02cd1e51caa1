#include <cstdio>
int main() {
    puts("five hundred");
}
