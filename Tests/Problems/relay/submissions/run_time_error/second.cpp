#include <iostream>
#include <string>
int main() {
    std::string word;
    std::cin >> word;
    if (word == "decode")
        return 1;
    std::cout << "secret\n";
}
