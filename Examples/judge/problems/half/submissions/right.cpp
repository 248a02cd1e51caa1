#include <iomanip>
#include <iostream>

int main() {
    long number;
    std::cin >> number;
    std::cout << std::fixed << std::setprecision(3) << number / 2.0 << '\n';
}
