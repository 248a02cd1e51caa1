// flags: -fsanitize=address -static-libasan -g
// A program without errors under a sanitizer, which looks for leaks at its end.
#include <cstdio>
#include <vector>

int main() {
    std::vector<int> numbers(10, 3);
    printf("%d\n", numbers[4]);
}
