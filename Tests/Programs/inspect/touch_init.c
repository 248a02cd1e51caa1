// Tries to change pid 1's limits, processors, priority and out-of-memory score; prints each result.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static void tell(const char *what, long result) {
    printf("%s: %s\n", what, result >= 0 ? "done" : strerrorname_np(errno));
}

int main(void) {
    struct rlimit small = {4, 4};
    tell("prlimit", prlimit(1, RLIMIT_NOFILE, &small, NULL));
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    tell("sched_setaffinity", sched_setaffinity(1, sizeof first, &first));
    tell("setpriority", setpriority(PRIO_PROCESS, 1, 19));
    struct sched_param parameter = {0};
    tell("sched_setscheduler", sched_setscheduler(1, SCHED_IDLE, &parameter));
    tell("ioprio_set", syscall(SYS_ioprio_set, 1, 1, (3 << 13) | 7));
    tell("oom_score_adj", open("/proc/1/oom_score_adj", O_WRONLY));
    tell("mem", open("/proc/1/mem", O_RDWR));
    tell("pidfd_getfd", syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, 1, 0), 0, 0));
    return 0;
}
