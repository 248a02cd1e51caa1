#include <fstream>
int main() {
    long n = 0;
    std::ifstream("double.in") >> n;
    std::ofstream("double.out") << 2 * n << "\n";
}
