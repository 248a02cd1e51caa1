// Prints the first N primes.
#include <cstdlib>
#include <iostream>

int main(int argc, char **argv) {
    int wanted = argc > 1 ? std::atoi(argv[1]) : 10;
    for (int candidate = 2; wanted > 0; candidate++) {
        bool prime = true;
        for (int d = 2; d * d <= candidate; d++)
            prime = prime && candidate % d != 0;
        if (prime)
            std::cout << candidate << (--wanted ? ' ' : '\n');
    }
}
