// Makes calls that a careless filter refuses: sched, timers, membarrier, calls numbered near rseq, inotify,
// eventfd, pidfd, …
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static int failures;

static void check(const char *what, long result) {
    if (result >= 0)
        return;
    fprintf(stderr, "%s: %s\n", what, strerrorname_np(errno));
    failures++;
}

int main(void) {
    cpu_set_t processors;
    struct sysinfo information;
    struct statfs system;
    struct rlimit limit;
    sigset_t signals;
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_NONE};
    sigemptyset(&signals);
    check("sched_getaffinity", sched_getaffinity(0, sizeof processors, &processors));
    check("sched_setaffinity", sched_setaffinity(0, sizeof processors, &processors));
    check("sched_yield", sched_yield());
    check("nice", setpriority(PRIO_PROCESS, 0, 5));
    check("sysinfo", sysinfo(&information));
    check("statfs", statfs("/work", &system));
    check("getrlimit", getrlimit(RLIMIT_STACK, &limit));
    check("setrlimit", setrlimit(RLIMIT_STACK, &limit));
    check("epoll", epoll_create1(0));
    check("eventfd", eventfd(0, 0));
    check("inotify", inotify_init1(0));
    check("signalfd", signalfd(-1, &signals, 0));
    check("timerfd", timerfd_create(CLOCK_MONOTONIC, 0));
    check("timer", timer_create(CLOCK_MONOTONIC, &event, &timer));
    check("memfd", memfd_create("ordinary", 0));
    check("pidfd", syscall(SYS_pidfd_open, getpid(), 0));
    check("membarrier", syscall(SYS_membarrier, 0, 0, 0));
    check("madvise", madvise((void *)((unsigned long)&failures & ~4095ul), 4096, MADV_NORMAL));
    check("mprotect",
          mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0);
    check("personality", syscall(SYS_personality, 0xffffffff));
    check("unshare", unshare(CLONE_FS | CLONE_FILES));
    return failures;
}
