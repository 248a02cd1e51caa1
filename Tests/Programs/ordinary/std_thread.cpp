// Uses std::thread, std::async, exceptions and iostream.
#include <future>
#include <iostream>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

int main() {
    std::vector<int> numbers(1000);
    std::iota(numbers.begin(), numbers.end(), 1);
    int sum = 0;
    std::thread adder([&] { sum = std::accumulate(numbers.begin(), numbers.end(), 0); });
    adder.join();
    auto later =
        std::async(std::launch::async, []() -> int { throw std::runtime_error("thrown in a thread"); });
    try {
        later.get();
    } catch (const std::exception &error) {
        std::cout << error.what() << " " << sum << std::endl;
    }
}
