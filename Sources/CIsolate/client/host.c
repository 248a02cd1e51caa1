/* Facts of this host and this process: Landlock, free descriptors, the pid namespace, and the names of
 * cgroups. */
#include <limits.h>
#include <linux/landlock.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

int isolate_landlock_abi(void) {
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return abi > 0 ? (int)abi : 0;
}

int isolate_free_descriptors(void) {
    enum { COUNTED = 4096 };
    struct pollfd fds[COUNTED];
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > COUNTED)
        return INT_MAX;
    int count = 0;
    for (int i = 0; i < (int)limit.rlim_cur; i++)
        fds[i] = (struct pollfd){.fd = i};
    if (poll(fds, limit.rlim_cur, 0) < 0)
        return INT_MAX;
    for (int i = 0; i < (int)limit.rlim_cur; i++)
        count += (fds[i].revents & POLLNVAL) != 0;
    return count;
}

unsigned long isolate_internal_pid_namespace(void) {
    struct stat status;
    return stat("/proc/self/ns/pid", &status) == 0 ? (unsigned long)status.st_ino : 0;
}

void isolate_internal_cgroup_name(const isolate_supervisor *supervisor, char *out, size_t bytes) {
    snprintf(out, bytes, INTERNAL_CGROUP_PREFIX "%lu-%d-b%llu-%u", isolate_internal_pid_namespace(),
             (int)supervisor->owner, (unsigned long long)isolate_process_birth(supervisor->owner),
             supervisor->number);
}

uint64_t isolate_internal_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int isolate_internal_ms_until(uint64_t end_ms) {
    uint64_t now = isolate_internal_now_ms();
    return now >= end_ms ? 0 : end_ms - now > INT_MAX ? INT_MAX : (int)(end_ms - now);
}

void isolate_internal_close(int *fd) {
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}
