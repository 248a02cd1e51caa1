#include <iostream>
#include <string>

int main() {
    std::string task, word;
    int count;
    std::cin >> task >> count;
    while (count-- > 0 && std::cin >> word) {
        if (task == "encode")
            word += 'x';
        else
            word.pop_back();
        std::cout << word << std::endl;
    }
}
