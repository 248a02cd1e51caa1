#include <iostream>
int main() {
    int low = 1, high = 100;
    char answer = 0;
    while (answer != '=') {
        int guess = (low + high) / 2;
        std::cout << guess << std::endl;
        std::cin >> answer;
        (answer == '<' ? high : low) = answer == '<' ? guess - 1 : guess + 1;
    }
}
