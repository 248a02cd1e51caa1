/*
 * Counts the processes and threads that the kernel counts for this process's user.
 *
 * RLIMIT_NPROC bounds that number, and no file shows it: some of the processes may be in other containers,
 * which /proc does not show. So this tries limits: the kernel refuses a fork when the count has reached the
 * limit.
 */
#include "accounting/nproc.h"

#include <linux/resource.h>
#include <linux/wait.h>

#include "sys.h"

enum { PROCESSES_MAX = 1 << 22 }; /* the kernel's PID_MAX_LIMIT */

struct limit {
    uint64_t soft, hard;
};

static int set_soft(struct limit limit, uint64_t soft) {
    limit.soft = soft < limit.hard ? soft : limit.hard;
    return (int)SYS_CALL_4(__NR_prlimit64, 0, RLIMIT_NPROC, &limit, 0);
}

int nproc_has_room(uint64_t limit) {
    struct limit before;
    if (SYS_CALL_4(__NR_prlimit64, 0, RLIMIT_NPROC, 0, &before) < 0 || set_soft(before, limit) < 0)
        return 1;
    /* No signal at its end, which a tracer would have to pass on. */
    long pid = SYS_CALL_5(__NR_clone, 0, 0, 0, 0, 0);
    if (pid == 0)
        sys_exit(0);
    if (pid > 0)
        SYS_CALL_4(__NR_wait4, pid, 0, __WALL, 0);
    set_soft(before, before.soft);
    return pid != -EAGAIN;
}

uint64_t nproc_count(uint64_t guess) {
    struct limit limit = {0, 0};
    uint64_t refused = guess, granted = guess + 1;
    if (SYS_CALL_4(__NR_prlimit64, 0, RLIMIT_NPROC, 0, &limit) < 0)
        return 0;
    uint64_t most = limit.hard < PROCESSES_MAX ? limit.hard : PROCESSES_MAX;
    if (nproc_has_room(guess)) {
        refused = 0;
        granted = guess;
    }
    while (refused > 0 && granted < most && !nproc_has_room(granted)) {
        refused = granted;
        granted *= 2;
    }
    while (granted - refused > 1) {
        uint64_t middle = refused + (granted - refused) / 2;
        *(nproc_has_room(middle) ? &granted : &refused) = middle;
    }
    return refused;
}
