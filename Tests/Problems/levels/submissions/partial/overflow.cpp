#include <cstdint>
#include <iostream>
int main() {
    std::int64_t n;
    std::cin >> n;
    std::cout << (n > 1000000 ? 0 : n * n) << "\n";
}
