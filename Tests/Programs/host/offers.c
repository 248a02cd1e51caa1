// Tries the features on which an isolation layer could be built, and prints a line "feature<TAB>answer" for
// each: what this host, or the container, really offers to the user who runs it. Each try has a process of
// its own.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

// A try writes its answer here, or returns 0 for "yes" and -errno for "no".
static char words[1024];

static int result(long value) {
    return value < 0 ? -errno : 0;
}

static int say(const char *format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(words + strlen(words), sizeof words - strlen(words), format, list);
    va_end(list);
    return 0;
}

// A try of a single call.
#define TRY(name, call)                                                                                      \
    static int name(void) {                                                                                  \
        return result(call);                                                                                 \
    }

TRY(forbid_new_privileges, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))

static int landlock_version(void) {
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version < 0 ? -errno : say("ABI %ld", version);
}

static int landlock_restricts(void) {
    struct landlock_ruleset_attr attributes = {.handled_access_fs = LANDLOCK_ACCESS_FS_READ_DIR};
    int rules = syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
    if (rules < 0 || forbid_new_privileges() != 0)
        return -errno;
    if (syscall(SYS_landlock_restrict_self, rules, 0) != 0)
        return -errno;
    return open("/", O_RDONLY | O_DIRECTORY) >= 0 ? -ENOTSUP : 0;
}

static int filter(unsigned flags, unsigned answer) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, answer),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {4, code};
    if (forbid_new_privileges() != 0)
        return -errno;
    long value = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
    return value < 0 ? -errno : (int)value;
}

static int seccomp_filter(void) {
    int value = filter(0, SECCOMP_RET_ERRNO | EXDEV);
    if (value < 0)
        return value;
    return syscall(SYS_getppid) == -1 && errno == EXDEV ? 0 : -ENOTSUP;
}

// Tests the whole exchange: this process answers a child's call.
static int seccomp_notification(void) {
    int listener = filter(SECCOMP_FILTER_FLAG_NEW_LISTENER, SECCOMP_RET_USER_NOTIF);
    if (listener < 0)
        return listener;
    pid_t child = fork();
    if (child == 0)
        _exit(syscall(SYS_getppid) == 4711 ? 0 : 1);
    struct seccomp_notif request = {0};
    struct seccomp_notif_resp response = {0};
    struct pollfd waiting = {listener, POLLIN, 0};
    if (poll(&waiting, 1, 2000) != 1)
        return -ETIMEDOUT;
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) != 0)
        return -errno;
    response.id = request.id;
    response.val = 4711;
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response) != 0)
        return -errno;
    int how;
    waitpid(child, &how, 0);
    return how == 0 ? 0 : -ENOTSUP;
}

TRY(unshare_user, unshare(CLONE_NEWUSER))
TRY(unshare_mount, unshare(CLONE_NEWNS))
TRY(unshare_pid, unshare(CLONE_NEWPID))
TRY(unshare_net, unshare(CLONE_NEWNET))
TRY(unshare_ipc, unshare(CLONE_NEWIPC))
TRY(unshare_uts, unshare(CLONE_NEWUTS))
TRY(unshare_cgroup, unshare(CLONE_NEWCGROUP))

static int clone_with(uint64_t flags) {
    struct clone_args arguments = {.flags = flags, .exit_signal = SIGCHLD};
    pid_t child = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (child == 0)
        _exit(0);
    return child < 0 ? -errno : result(waitpid(child, NULL, 0));
}
static int clone3_plain(void) {
    return clone_with(0);
}
static int clone3_user(void) {
    return clone_with(CLONE_NEWUSER);
}
static int clone_user(void) {
    pid_t child = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
    if (child == 0)
        _exit(0);
    return result(child);
}

TRY(mount_tmpfs, mount("tmpfs", "/tmp", "tmpfs", 0, NULL))
TRY(mount_bind, mount("/tmp", "/tmp", NULL, MS_BIND, NULL))
TRY(open_tree_clone, syscall(SYS_open_tree, AT_FDCWD, "/tmp", 1))
TRY(change_root, chroot("/tmp"))
static int make_device(void) {
    int value = result(mknod("/tmp/offers-device", S_IFCHR | 0600, 1 << 8 | 3));
    unlink("/tmp/offers-device");
    return value;
}

// A child that waits to be killed.
static pid_t sleeper(void) {
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    return child;
}

TRY(trace_child, ptrace(PTRACE_SEIZE, sleeper(), NULL, PTRACE_O_EXITKILL))
static int read_child_memory(void) {
    char byte;
    struct iovec here = {&byte, 1}, there = {words, 1};
    return result(process_vm_readv(sleeper(), &here, 1, &there, 1, 0));
}
TRY(open_pidfd, syscall(SYS_pidfd_open, sleeper(), 0))
static int signal_pidfd(void) {
    int child = syscall(SYS_pidfd_open, sleeper(), 0);
    return child < 0 ? -errno : result(syscall(SYS_pidfd_send_signal, child, SIGKILL, NULL, 0));
}
static int take_descriptor(void) {
    int child = syscall(SYS_pidfd_open, sleeper(), 0);
    return child < 0 ? -errno : result(syscall(SYS_pidfd_getfd, child, 1, 0));
}

static int run_memory_file(void) {
    int memory = memfd_create("offers", MFD_CLOEXEC), source = open("/bin/true", O_RDONLY);
    char buffer[65536];
    ssize_t count;
    if (memory < 0 || source < 0)
        return -errno;
    while ((count = read(source, buffer, sizeof buffer)) > 0)
        if (write(memory, buffer, count) != count)
            return -errno;
    pid_t child = fork();
    if (child == 0) {
        char *arguments[] = {"true", NULL}, *environment[] = {NULL};
        syscall(SYS_execveat, memory, "", arguments, environment, AT_EMPTY_PATH);
        _exit(errno);
    }
    int how;
    waitpid(child, &how, 0);
    return -WEXITSTATUS(how);
}

// An orphan must become this process's child, not pid 1's.
static int subreaper(void) {
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
        return -errno;
    pid_t child = fork();
    if (child == 0) {
        if (fork() == 0) {
            usleep(50000);
            _exit(getppid() == 1 ? 1 : 0);
        }
        _exit(0);
    }
    waitpid(child, NULL, 0);
    return wait(NULL) > 0 ? 0 : -ECHILD;
}

TRY(other_user, setresuid(12345, 12345, 12345))
TRY(other_group, setresgid(12345, 12345, 12345))
TRY(no_groups, setgroups(0, NULL))
TRY(drop_bounding, prctl(PR_CAPBSET_DROP, CAP_CHOWN, 0, 0, 0))
static int kill_other_user(void) {
    int ready[2];
    if (pipe(ready) != 0)
        return -errno;
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int value = setresuid(12345, 12345, 12345);
        if (write(ready[1], &value, sizeof value) < 0)
            _exit(1);
        pause();
    }
    int value;
    if (read(ready[0], &value, sizeof value) != sizeof value)
        return -EIO;
    int answer = value != 0 ? -EPERM : result(kill(child, SIGKILL));
    kill(child, SIGKILL);
    return answer;
}
static int limit_child(void) {
    struct rlimit limit = {16, 16};
    return result(prlimit(sleeper(), RLIMIT_NOFILE, &limit, NULL));
}
static int raise_limit(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_max += 1;
    return result(setrlimit(RLIMIT_NOFILE, &limit));
}
TRY(raise_priority, setpriority(PRIO_PROCESS, 0, -1))

static int write_file(const char *path, const char *text) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return -errno;
    int value = result(write(file, text, strlen(text)));
    close(file);
    return value;
}
static int raise_oom_score(void) {
    return write_file("/proc/self/oom_score_adj", "1000");
}
static int lower_oom_score(void) {
    return write_file("/proc/self/oom_score_adj", "-1");
}
TRY(open_sysctl, open("/proc/sys/kernel/core_pattern", O_WRONLY))

TRY(close_ranges, syscall(SYS_close_range, 100, ~0U, 4))
static int open_beneath(void) {
    struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    int root = open("/tmp", O_RDONLY | O_DIRECTORY);
    return result(syscall(SYS_openat2, root, ".", &how, sizeof how));
}
static int io_uring(void) {
    char parameters[120] = {0};
    return result(syscall(SYS_io_uring_setup, 1, parameters));
}
TRY(user_fault, syscall(SYS_userfaultfd, 1))
static int load_bpf(void) {
    char attributes[72] = {2, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 1};
    return result(syscall(SYS_bpf, 0, attributes, sizeof attributes));
}
TRY(key_ring, syscall(SYS_keyctl, 0, -3, 1))
static int perf_event(void) {
    char attributes[112] = {1, 0, 0, 0, 112};
    return result(syscall(SYS_perf_event_open, attributes, 0, -1, -1, 0));
}
TRY(internet_socket, socket(AF_INET, SOCK_STREAM, 0))
TRY(unix_socket, socket(AF_UNIX, SOCK_STREAM, 0))
TRY(netlink_socket, socket(AF_NETLINK, SOCK_RAW, 0))
TRY(raw_socket, socket(AF_INET, SOCK_RAW, IPPROTO_ICMP))

// The first directory in which a cgroup could be made.
static int make_cgroup(void) {
    static const char *places[] = {"/sys/fs/cgroup/memory/offers", "/sys/fs/cgroup/pids/offers",
                                   "/sys/fs/cgroup/unified/offers", "/sys/fs/cgroup/offers"};
    int value = -ENOENT;
    for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
        value = result(mkdir(places[i], 0755));
        if (value == 0) {
            rmdir(places[i]);
            return say("%s", places[i]);
        }
        if (value != -ENOENT)
            return value;
    }
    return value;
}
static int read_memory_counter(void) {
    int file = open("/sys/fs/cgroup/memory/memory.usage_in_bytes", O_RDONLY);
    if (file < 0)
        file = open("/sys/fs/cgroup/memory.current", O_RDONLY);
    return result(file);
}
static int root_writable(void) {
    int file = open("/offers-file", O_CREAT | O_WRONLY, 0600);
    int value = result(file);
    unlink("/offers-file");
    return value;
}
static int tmp_writable(void) {
    int file = open("/tmp/offers-file", O_CREAT | O_WRONLY, 0600);
    int value = result(file);
    unlink("/tmp/offers-file");
    return value;
}
static const struct {
    const char *feature;
    int (*attempt)(void);
} offers[] = {
    {"Landlock", landlock_version},
    {"Landlock ruleset in force", landlock_restricts},
    {"seccomp filter", seccomp_filter},
    {"seccomp user notification", seccomp_notification},
    {"unshare: user namespace", unshare_user},
    {"unshare: mount namespace", unshare_mount},
    {"unshare: pid namespace", unshare_pid},
    {"unshare: net namespace", unshare_net},
    {"unshare: ipc namespace", unshare_ipc},
    {"unshare: uts namespace", unshare_uts},
    {"unshare: cgroup namespace", unshare_cgroup},
    {"clone: user namespace", clone_user},
    {"clone3", clone3_plain},
    {"clone3: user namespace", clone3_user},
    {"mount: tmpfs", mount_tmpfs},
    {"mount: bind", mount_bind},
    {"open_tree with clone", open_tree_clone},
    {"chroot", change_root},
    {"mknod: character device", make_device},
    {"ptrace: seize an own child", trace_child},
    {"process_vm_readv of an own child", read_child_memory},
    {"pidfd_open", open_pidfd},
    {"pidfd_send_signal", signal_pidfd},
    {"pidfd_getfd from an own child", take_descriptor},
    {"memfd_create and execveat", run_memory_file},
    {"child subreaper", subreaper},
    {"setresuid to another user", other_user},
    {"setresgid to another group", other_group},
    {"setgroups", no_groups},
    {"bounding set: drop", drop_bounding},
    {"kill a child that is another user", kill_other_user},
    {"prlimit of an own child", limit_child},
    {"raise a hard limit", raise_limit},
    {"raise the own priority", raise_priority},
    {"oom_score_adj: raise", raise_oom_score},
    {"oom_score_adj: lower", lower_oom_score},
    {"close_range", close_ranges},
    {"openat2", open_beneath},
    {"io_uring_setup", io_uring},
    {"userfaultfd", user_fault},
    {"bpf", load_bpf},
    {"keyctl", key_ring},
    {"perf_event_open", perf_event},
    {"socket: AF_UNIX", unix_socket},
    {"socket: AF_INET", internet_socket},
    {"socket: raw", raw_socket},
    {"socket: AF_NETLINK", netlink_socket},
    {"cgroups: make one", make_cgroup},
    {"cgroups: read the memory counter", read_memory_counter},
    {"write in /proc/sys", open_sysctl},
    {"write in /", root_writable},
    {"write in /tmp", tmp_writable},
};

int main(void) {
    // With this capability some tries would succeed, and change the host's mounts for all processes.
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct sets[2];
    if (syscall(SYS_capget, &header, sets) != 0 || sets[0].effective & 1U << CAP_SYS_ADMIN) {
        fputs("offers: not with CAP_SYS_ADMIN\n", stderr);
        return 2;
    }
    setvbuf(stdout, NULL, _IONBF, 0);
    for (unsigned i = 0; i < sizeof offers / sizeof *offers; i++) {
        pid_t child = fork();
        if (child < 0)
            return 1;
        if (child == 0) {
            alarm(10);
            int value = offers[i].attempt();
            if (value == 0)
                printf("%s\t%s\n", offers[i].feature, *words ? words : "yes");
            else
                printf("%s\tno: %s\n", offers[i].feature, strerrorname_np(-value));
            fflush(stdout);
            _exit(0);
        }
        int how;
        waitpid(child, &how, 0);
        if (how != 0)
            printf("%s\tended by signal %d\n", offers[i].feature, WTERMSIG(how));
    }
    return 0;
}
