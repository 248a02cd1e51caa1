#include <iostream>
int main() {
    long best = 1000000000, n;
    while (std::cin >> n)
        best = n < best ? n : best;
    std::cout << best << "\n";
}
