// Stops its whole process group, which must not be anyone else's.
#include <signal.h>

int main(void) {
    kill(0, SIGSTOP);
    return 0;
}
