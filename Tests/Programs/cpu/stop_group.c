// Stops its whole process group, which must contain no other program.
#include <signal.h>

int main(void) {
    kill(0, SIGSTOP);
    return 0;
}
