#include <cstdio>
#include <fstream>
int main(int, char **argv) {
    int taken = 0, most = 0;
    std::ifstream(argv[2]) >> taken;
    std::ifstream(argv[3]) >> most;
    fprintf(stderr, "%d guesses of %d", taken, most);
    return taken <= most ? 0 : 1;
}
