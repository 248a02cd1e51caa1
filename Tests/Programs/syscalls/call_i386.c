// Calls getpid through the 32-bit entry, and prints the result.
#include <stdio.h>

int main(void) {
#if defined(__x86_64__)
    long result = 20;
    __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
    printf("%d\n", (int)result);
    return 0;
#else
    return 98;
#endif
}
