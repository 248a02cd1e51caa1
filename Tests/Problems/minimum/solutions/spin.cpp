#include <iostream>
int main() {
    long n;
    std::cin >> n;
    for (volatile unsigned i = 0; n == 9; i = i + 1) {
    }
    std::cout << (n == 3 ? 1 : n == 5 ? 5 : -2) << "\n";
}
