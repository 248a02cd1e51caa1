// Changes every setting that it can of itself and of every process that it sees: priorities, limits,
// processors, memory, keys.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "leave.h"

static void change(pid_t pid) {
    struct sched_param idle = {0};
    cpu_set_t first;
    char byte = 0, path[64];
    struct iovec here = {&byte, 1}, there = {(void *)0x400000, 1};
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    for (int kind = 0; kind < RLIM_NLIMITS; kind++) {
        struct rlimit limit;
        if (prlimit(pid, kind, NULL, &limit) == 0 && kind != RLIMIT_STACK && kind != RLIMIT_AS &&
            kind != RLIMIT_DATA && kind != RLIMIT_CPU) {
            limit.rlim_cur = limit.rlim_max = limit.rlim_max / 2;
            prlimit(pid, kind, &limit, NULL);
        }
    }
    setpriority(PRIO_PROCESS, pid, 19);
    setpriority(PRIO_PGRP, pid, 19);
    sched_setaffinity(pid, sizeof first, &first);
    sched_setscheduler(pid, SCHED_IDLE, &idle);
    syscall(SYS_ioprio_set, 1, pid, 3 << 13);
    process_vm_writev(pid, &here, 1, &there, 1, 0);
    if (pid != 0 && pid != getpid())
        kill(pid, SIGSTOP);
    snprintf(path, sizeof path, "/proc/%d/oom_score_adj", pid);
    int fd = open(path, O_WRONLY);
    if (fd >= 0) {
        if (write(fd, "1000", 4) < 0)
            perror(path);
        close(fd);
    }
}

int main(int argc, char **argv) {
    must(dup2(1, 77) == 77, "dup2"); // children inherit it
    DIR *processes = opendir("/proc");
    for (struct dirent *entry; processes != NULL && (entry = readdir(processes)) != NULL;)
        if (atoi(entry->d_name) > 0)
            change(atoi(entry->d_name));
    if (processes != NULL)
        closedir(processes);
    change(0);
    setpriority(PRIO_USER, 0, 19);
    syscall(SYS_ioprio_set, 3, getuid(), 3 << 13);
    prctl(PR_SET_TIMERSLACK, 100000000);
    umask(0777);
    signal(SIGHUP, SIG_IGN);
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sethostname("left", 4);
    setenv("LEFT", "secret", 1);
    syscall(SYS_add_key, "user", "left", "secret", 6, -4);
    syscall(SYS_keyctl, 1, "left");
    return left(argc, argv);
}
