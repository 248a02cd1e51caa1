#include <iostream>
int main() {
    int n, count = 0;
    while (std::cin >> n)
        count++;
    return count > 0 && std::cin.eof() ? 0 : 3;
}
