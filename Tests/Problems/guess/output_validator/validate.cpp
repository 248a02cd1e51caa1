#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>

static std::ofstream message;

[[noreturn]] static void wrong(const std::string &why) {
    message << why << std::flush;
    std::_Exit(43);
}

int main(int, char **argv) {
    int secret, guess;
    std::ifstream(argv[1]) >> secret;
    message.open(std::string(argv[3]) + "judgemessage.txt");
    for (int round = 1; round <= 10; ++round) {
        if (!(std::cin >> guess))
            wrong("no guess " + std::to_string(round));
        if (guess == secret) {
            std::cout << "correct" << std::endl;
            std::string more;
            if (std::cin >> more)
                wrong("more after the last guess");
            return 42;
        }
        std::cout << (guess < secret ? "higher" : "lower") << std::endl;
    }
    wrong("more than 10 guesses");
}
