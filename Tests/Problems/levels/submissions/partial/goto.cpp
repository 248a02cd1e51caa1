#include <iostream>
int main() {
    long n;
    std::cin >> n;
    goto end;
end:
    std::cout << n * n << "\n";
}
