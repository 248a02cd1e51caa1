/* The processors of a run. */
#include "process/processors.h"

#include <asm/errno.h>

#include "sys.h"

enum { PROCESSORS_MAX = 8192 }; /* the most that Linux can be built for */

static int has_cpu_set(const struct isolate_limits *limits) {
    uint64_t any = 0;
    for (int i = 0; i < ISOLATE_CPU_SET_WORDS; i++)
        any |= limits->cpu_set[i];
    return any != 0;
}

int has_own_processors(const struct isolate_limits *limits) {
    return limits->cpus != 0 || has_cpu_set(limits);
}

/* Leaves of `allowed` those of the run's set, if it has one. Returns 0, or 1 + the number of the first
 * processor of the set that is not among them. */
static uint32_t keep_the_set(const struct isolate_limits *limits, uint64_t *allowed) {
    for (uint32_t i = 0; i < ISOLATE_CPU_SET_WORDS; i++)
        if ((limits->cpu_set[i] & ~allowed[i]) != 0)
            return 1 + i * 64 + (uint32_t)__builtin_ctzll(limits->cpu_set[i] & ~allowed[i]);
    if (has_cpu_set(limits))
        for (uint32_t i = 0; i < PROCESSORS_MAX / 64; i++)
            allowed[i] = i < ISOLATE_CPU_SET_WORDS ? limits->cpu_set[i] : 0;
    return 0;
}

long bind_to_processors(const struct isolate_limits *limits, uint32_t *missing) {
    uint64_t allowed[PROCESSORS_MAX / 64] = {0}, chosen[PROCESSORS_MAX / 64] = {0}, count = 0, rank = 0;
    long bytes = SYS_CALL_3(__NR_sched_getaffinity, 0, sizeof allowed, allowed);
    *missing = bytes < 0 ? 0 : keep_the_set(limits, allowed);
    if (*missing != 0)
        return -EINVAL;
    for (unsigned i = 0; i < PROCESSORS_MAX; i++)
        count += allowed[i / 64] >> (i % 64) & 1;
    if (bytes < 0 || count == 0)
        return bytes < 0 ? bytes : -EINVAL;
    uint64_t first = limits->cpu_first % count;
    for (unsigned i = 0; i < PROCESSORS_MAX; i++)
        if ((allowed[i / 64] >> (i % 64) & 1) &&
            ((rank++ + count - first) % count < limits->cpus || limits->cpus == 0))
            chosen[i / 64] |= (uint64_t)1 << (i % 64);
    return SYS_CALL_3(__NR_sched_setaffinity, 0, bytes, chosen);
}
