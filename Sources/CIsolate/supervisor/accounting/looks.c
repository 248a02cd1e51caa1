/* Sampling where the kernel has no counter: clocks of processes, and when the next sample is due. */
#include "accounting/looks.h"

#include "sys.h"

enum {
    LOOK_LEAST_NS = 1000000,
    LOOK_MOST_NS = 32000000,
    FILL_BYTES_PER_NS = 4, /* an upper bound for how fast memory can be filled */
    PROCESS_CLOCK = 2,     /* CPUCLOCK_SCHED of a process; the bits above are its inverted pid */
};

uint64_t looks_process_clock(int pid) {
    int clock = (int)(~(unsigned)pid << 3 | PROCESS_CLOCK);
    return sys_clock_ns(clock);
}

uint64_t looks_next_ns(uint64_t free_bytes) {
    uint64_t wait = free_bytes / FILL_BYTES_PER_NS;
    return wait > LOOK_MOST_NS ? LOOK_MOST_NS : wait < LOOK_LEAST_NS ? LOOK_LEAST_NS : wait;
}
