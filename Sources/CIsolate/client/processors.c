/* Counts the processors that this process may use. */
#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "isolate.h"

enum { PROCESSORS_MAX = 8192 }; /* the most that Linux can be built for; the C library's cpu_set_t has 1024 */

int isolate_processor_count(void) {
    uint64_t allowed[PROCESSORS_MAX / 64] = {0};
    int count = 0;
    if (syscall(SYS_sched_getaffinity, 0, sizeof allowed, allowed) < 0)
        return -errno;
    for (int i = 0; i < PROCESSORS_MAX / 64; i++)
        count += __builtin_popcountll(allowed[i]);
    return count;
}
