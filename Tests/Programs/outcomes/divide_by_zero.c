// Divides an integer by zero, with the machine's own instruction where that traps.
#include <signal.h>

int main(void) {
#if defined(__x86_64__)
    int dividend = 1, divisor = 0;
    __asm__ volatile("cltd\n\tidivl %1" : "+a"(dividend) : "r"(divisor) : "edx", "cc");
    return dividend;
#else
    return raise(SIGFPE);
#endif
}
