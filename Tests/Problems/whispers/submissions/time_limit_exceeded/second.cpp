#include <iostream>
#include <string>

int main() {
    std::string task, word;
    int count;
    std::cin >> task >> count;
    while (count-- > 0 && std::cin >> word) {
        for (volatile unsigned spin = 0; task == "decode"; spin = spin + 1) {
        }
        std::cout << word + 'x' << std::endl;
    }
}
