#include "words.h"
#include <iostream>
int main(int, char **names) {
    if (word(names[2]) == word(names[3]))
        return 0;
    std::cerr << "not the minimum";
    return 1;
}
