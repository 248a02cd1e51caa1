/* Whether a process is still the one of its pid, however often that number is used again.
 *
 * A start time as /proc tells it depends on the reader's time namespace. So the number of the process's pidfd
 * is taken, which the kernel (6.9) gives to no other process of this boot. Before that it is the start time
 * as the host counts it, and where we cannot know that nobody is ever declared dead by it. */
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
/* What kind of number it is: start times, and how many processes there ever were, are far below both. */
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
    /* The name may hold anything; the fields begin after its last parenthesis: 3 the state, 20 the threads,
     * 22 the start. */
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

/* Dead, and nobody has taken note yet. A process whose first thread has left lives on in the others. */
static int is_zombie(const struct process_stat *stat) {
    return stat->state == 'X' || (stat->state == 'Z' && stat->threads <= 1);
}

static unsigned long namespace_inode(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 ? (unsigned long)status.st_ino : 0;
}

uint64_t internal_birth_by_clock(pid_t pid) {
    struct process_stat stat;
    if (read_stat(pid, &stat) < 0 || is_zombie(&stat))
        return 0;
    long long seconds = 0, nanoseconds = 0;
    unsigned long own = namespace_inode("/proc/self/ns/time");
    if (own != 0) {
        /* The file tells of our children's time namespace: of ours when it is the same. */
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
    return birth != 0 ? birth : internal_birth_by_clock(pid);
}

int isolate_births_may_match(uint64_t one, uint64_t other) {
    if (one == 0 || other == 0)
        return 0; /* there is none */
    if ((one | other) & UNKNOWN || (one & BY_PIDFD) != (other & BY_PIDFD))
        return 1;
    /* Of clocks a tick may be lost in the conversion. */
    uint64_t apart = one > other ? one - other : other - one;
    return one & BY_PIDFD ? apart == 0 : apart <= 1;
}
