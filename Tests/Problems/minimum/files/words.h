#include <fstream>
#include <string>
inline std::string word(const char *name) {
    std::ifstream file(name);
    std::string text;
    file >> text;
    return text;
}
