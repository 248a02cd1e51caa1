#include <fstream>
#include <iostream>
#include <string>
int main(int count, char **arguments) {
    if (count < 4)
        return 1;
    std::ifstream input(arguments[1]);
    std::ofstream message(std::string(arguments[3]) + "judgemessage.txt");
    long n, a, b;
    std::string rest;
    input >> n;
    if (!(std::cin >> a >> b) || std::cin >> rest) {
        message << "not two integers\n";
        return 43;
    }
    if (a < 1 || b < 1) {
        message << "not positive\n";
        return 43;
    }
    if (a + b != n) {
        message << a << " + " << b << " is not " << n << "\n";
        return 43;
    }
    return 42;
}
