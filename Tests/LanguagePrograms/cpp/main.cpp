#include <atomic>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "twice.h"

int main() {
    std::string mode;
    std::cin >> mode;
    if (mode == "hello")
        std::cout << "hello" << std::endl;
    if (mode == "sum") {
        long a, b;
        std::cin >> a >> b;
        std::cout << twice(a + b) << std::endl;
    }
    if (mode == "exit")
        return 7;
    if (mode == "memory")
        for (std::vector<std::string> kept;;)
            kept.emplace_back(1 << 20, 'x');
    if (mode == "spin")
        for (volatile long i = 0;; i = i + 1)
            ;
    if (mode == "threads") {
        std::atomic<long> total = 0;
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; i++)
            threads.emplace_back([&total] {
                for (long j = 0; j < 100; j++)
                    total += j;
            });
        for (auto &thread : threads)
            thread.join();
        std::cout << total << std::endl;
    }
}
