/*
 * How an interpreter asks for a snapshot without an extension module, which would have to fit its version: by
 * a function of the C library that its standard library calls, and an argument that no program gives it.
 */
#include "snapshot.h"
#include "sys.h"

/* The library's only symbol that others see. A number from -0x5afe0000 down to -0x5afeffff asks for a
 * snapshot into that descriptor: 0, or 1 in a restored process. All others are the kernel's. */
__attribute__((visibility("default"))) int getpgid(int process);

extern int *__errno_location(void) __attribute__((weak));

int getpgid(int process) {
    enum { ASKS = 0x5afe0000, DESCRIPTOR = 0xffff };
    long result = process < 0 && (-process & ~DESCRIPTOR) == ASKS ? snapshot_take(-process & DESCRIPTOR)
                                                                  : SYS_CALL_1(__NR_getpgid, process);
    if (result >= 0)
        return (int)result;
    if (__errno_location != 0)
        *__errno_location() = (int)-result;
    return -1;
}
