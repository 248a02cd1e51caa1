/* Whether a pid still belongs to the same process, after the kernel may have reused the number.
 *
 * A start time in /proc depends on the reader's time namespace. So a birth is the number of the process's
 * pidfd, which the kernel (from 6.9) gives to no other process of this boot. On older kernels a birth is the
 * start time by the host's clock; where this process cannot compute that, no owner counts as dead by it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

#define PID_FS_MAGIC 0x50494446
/* Which kind of number a birth is. Start times and the count of all processes since boot stay far below both
 * bits. */
#define BY_PIDFD (1ull << 50)
#define UNKNOWN (1ull << 49)

struct process_stat {
    char state;
    long threads;
    unsigned long long start; /* in clock ticks after the boot, as the reader's time namespace sees it */
};

static int read_stat(pid_t pid, struct process_stat *out) {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    size_t n = file == NULL ? 0 : fread(text, 1, sizeof text - 1, file);
    if (file != NULL)
        fclose(file);
    text[n] = 0;
    /* The name may hold any character, so the fields count from its last parenthesis: 3 is the state, 20 the
     * threads, 22 the start. */
    char *field = strrchr(text, ')');
    if (field == NULL || field[1] != ' ')
        return -ESRCH;
    out->state = field[2];
    for (int i = 2; field != NULL && i < 20; i++)
        field = strchr(field + 1, ' ');
    char *end = field;
    out->threads = field == NULL ? 0 : strtol(field, &end, 10);
    for (int i = 20; field != NULL && i < 22; i++)
        field = strchr(field + 1, ' ');
    out->start = field == NULL ? 0 : strtoull(field, NULL, 10);
    return field == NULL ? -ESRCH : 0;
}

/* Dead, and not yet reaped by its parent. A process whose first thread has exited lives on in its other
 * threads. */
static int is_zombie(const struct process_stat *stat) {
    return stat->state == 'X' || (stat->state == 'Z' && stat->threads <= 1);
}

static unsigned long namespace_inode(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 ? (unsigned long)status.st_ino : 0;
}

uint64_t isolate_internal_birth_by_clock(pid_t pid) {
    struct process_stat stat;
    if (read_stat(pid, &stat) < 0 || is_zombie(&stat))
        return 0;
    long long seconds = 0, nanoseconds = 0;
    unsigned long own = namespace_inode("/proc/self/ns/time");
    if (own != 0) {
        /* timens_offsets describes the time namespace of this process's children. It holds for this process
         * only when both are the same namespace. */
        FILE *file = own == namespace_inode("/proc/self/ns/time_for_children")
                         ? fopen("/proc/self/timens_offsets", "re")
                         : NULL;
        char line[128];
        int is_known = 0;
        while (file != NULL && fgets(line, sizeof line, file) != NULL)
            is_known |= sscanf(line, "boottime %lld %lld", &seconds, &nanoseconds) == 2;
        if (file != NULL)
            fclose(file);
        if (!is_known)
            return UNKNOWN;
    }
    long per_second = sysconf(_SC_CLK_TCK);
    long long offset = seconds * per_second + nanoseconds / (1000000000 / per_second);
    long long start = (long long)stat.start - offset;
    return start > 0 ? (uint64_t)start : 1;
}

static uint64_t birth_by_pidfd(pid_t pid) {
    struct statfs system;
    struct stat status;
    int CLEANUP_CLOSE fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0 || fstatfs(fd, &system) != 0 || system.f_type != PID_FS_MAGIC || fstat(fd, &status) != 0)
        return 0;
    return BY_PIDFD | (uint64_t)status.st_ino;
}

uint64_t isolate_process_birth(pid_t pid) {
    struct process_stat stat;
    if (read_stat(pid, &stat) < 0 || is_zombie(&stat))
        return 0;
    uint64_t birth = birth_by_pidfd(pid);
    return birth != 0 ? birth : isolate_internal_birth_by_clock(pid);
}

int isolate_births_may_match(uint64_t one, uint64_t other) {
    if (one == 0 || other == 0)
        return 0; /* no such process */
    if ((one | other) & UNKNOWN || (one & BY_PIDFD) != (other & BY_PIDFD))
        return 1;
    /* The conversion between clocks may lose a tick. */
    uint64_t apart = one > other ? one - other : other - one;
    return one & BY_PIDFD ? apart == 0 : apart <= 1;
}
