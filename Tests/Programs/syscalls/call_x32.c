// Calls getpid through the x32 entry, and prints the result.
#include <stdio.h>

int main(void) {
#if defined(__x86_64__)
    long result = 0x40000000 | 39;
    __asm__ volatile("syscall" : "+a"(result) : : "memory", "rcx", "r11");
    printf("%d\n", (int)result);
    return 0;
#else
    return 98;
#endif
}
