// Tries every call by which a process could harm the processes named by its arguments, and after the word
// `all` also all others of its user; prints the successful ones, one `CALL PID` a line. Exits with 0.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static void tell(const char *what, int pid, long result) {
    if (result >= 0)
        printf("%s %d\n", what, pid);
    fflush(stdout);
}

static long open_in_proc(int pid, const char *file, int flags) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
    return open(path, flags);
}

/* The kernel sends the signal when the pipe has something to read. */
static void signal_by_pipe(int pid) {
    int ends[2];
    if (pipe(ends) != 0 || fcntl(ends[0], F_SETOWN, pid) != 0 || fcntl(ends[0], F_SETSIG, SIGKILL) != 0 ||
        fcntl(ends[0], F_SETFL, O_ASYNC) != 0 || write(ends[1], "x", 1) != 1)
        return;
}

static void try_all(int pid) {
    struct rlimit small = {0, 0};
    struct sched_param parameter = {0};
    siginfo_t info = {.si_code = SI_QUEUE};
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    tell("kill", pid, kill(pid, SIGKILL));
    tell("tkill", pid, syscall(SYS_tkill, pid, SIGKILL));
    tell("tgkill", pid, syscall(SYS_tgkill, pid, pid, SIGKILL));
    tell("rt_sigqueueinfo", pid, syscall(SYS_rt_sigqueueinfo, pid, SIGKILL, &info));
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    tell("pidfd_send_signal", pid, syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0));
    tell("pidfd_getfd", pid, syscall(SYS_pidfd_getfd, pidfd, 0, 0));
    signal_by_pipe(pid);
    tell("prlimit", pid, prlimit(pid, RLIMIT_CPU, &small, NULL));
    tell("sched_setaffinity", pid, sched_setaffinity(pid, sizeof first, &first));
    tell("sched_setscheduler", pid, sched_setscheduler(pid, SCHED_IDLE, &parameter));
    tell("setpriority", pid, setpriority(PRIO_PROCESS, pid, 19));
    tell("ioprio_set", pid, syscall(SYS_ioprio_set, 1, pid, 3 << 13));
    tell("mem", pid, open_in_proc(pid, "mem", O_RDWR));
    tell("environ", pid, open_in_proc(pid, "environ", O_RDONLY));
    tell("status", pid, open_in_proc(pid, "status", O_RDONLY));
    tell("oom_score_adj", pid, open_in_proc(pid, "oom_score_adj", O_WRONLY));
}

int main(int argc, char **argv) {
    int all = argc > 1 && strcmp(argv[1], "all") == 0;
    for (int i = 1 + all; i < argc; i++)
        try_all(atoi(argv[i]));
    if (all) { /* the test sees it on other processes of the user */
        setpriority(PRIO_USER, getuid(), 19);
        kill(-1, SIGKILL);
        kill(-1, SIGSTOP);
    }
    return 0;
}
