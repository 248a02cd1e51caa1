#include <iostream>
#include <string>
int main() {
    int low = 1, high = 100;
    std::string answer;
    while (answer != "=") {
        int guess = (low + high) / 2;
        std::cout << guess << std::endl;
        std::cin >> answer;
        (answer == "<" ? high : low) = answer == "<" ? guess - 1 : guess + 1;
    }
}
