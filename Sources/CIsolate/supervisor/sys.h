/*
 * The kernel's interface without a libc: raw system calls and the few structures that uapi headers lack.
 *
 * The supervisor is freestanding: it needs no libc at build or run time, allocates nothing and takes no lock,
 * so this code may run between clone and exec. Each call returns the kernel's result: >= 0, or -errno.
 */
#ifndef ISOLATE_SYS_H
#define ISOLATE_SYS_H

#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <stddef.h>
#include <stdint.h>

#define CLEANUP_CLOSE __attribute__((cleanup(sys_close_fd)))

typedef long sys_result;

void *memset(void *to, int value, size_t bytes);
void *memcpy(void *restrict to, const void *restrict from, size_t bytes);

static inline sys_result sys_call6(long number, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
#else
#error "no system call convention for this architecture"
#endif
}

#define SYS_CALL_0(n) sys_call6((n), 0, 0, 0, 0, 0, 0)
#define SYS_CALL_1(n, a) sys_call6((n), (long)(a), 0, 0, 0, 0, 0)
#define SYS_CALL_2(n, a, b) sys_call6((n), (long)(a), (long)(b), 0, 0, 0, 0)
#define SYS_CALL_3(n, a, b, c) sys_call6((n), (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define SYS_CALL_4(n, a, b, c, d) sys_call6((n), (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define SYS_CALL_5(n, a, b, c, d, e) sys_call6((n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define SYS_CALL_6(n, a, b, c, d, e, f)                                                                      \
    sys_call6((n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

struct sys_timespec {
    int64_t seconds;
    int64_t nanoseconds;
};

struct sys_pollfd {
    int fd;
    short events;
    short revents;
};

struct sys_iovec {
    void *base;
    size_t length;
};

struct sys_msghdr {
    void *name;
    int name_length;
    struct sys_iovec *vectors;
    size_t vector_count;
    void *control;
    size_t control_length;
    unsigned int flags;
};

/* linux_dirent64. */
struct sys_entry {
    uint64_t inode;
    int64_t offset; /* of the next entry, for lseek */
    uint16_t bytes;
    uint8_t type;
    char name[];
};

/* Lists the entries of a directory. */
struct sys_entries {
    int dir;
    int result;     /* after the last entry: 0 or -errno */
    long bytes, at; /* bytes in the buffer, and how many of them were returned */
    char buffer[2048] __attribute__((aligned(8)));
};

struct sys_cmsghdr {
    size_t length;
    int level;
    int type;
};

enum {
    SYS_POLLIN = 1,
    SYS_POLLOUT = 4,
    SYS_POLLERR = 8,
    SYS_POLLHUP = 16,
    SYS_AF_UNIX = 1,
    SYS_AF_INET = 2,
    SYS_SOCK_DGRAM = 2,
    SYS_SOCK_SEQPACKET = 5,
    SYS_SOCK_CLOEXEC = 02000000,
    SYS_MSG_DONTWAIT = 0x40,
    SYS_MSG_NOSIGNAL = 0x4000,
    SYS_MSG_TRUNC = 0x20,
    SYS_MSG_CTRUNC = 0x08,
    SYS_MSG_CMSG_CLOEXEC = 0x40000000,
    SYS_SOL_SOCKET = 1,
    SYS_SCM_RIGHTS = 1,
    SYS_SIGKILL = 9,
    SYS_SIGSEGV = 11,
    SYS_SIGCHLD = 17,
    SYS_SIGSTOP = 19,
    SYS_SIGTSTP = 20,
    SYS_SIGTTIN = 21,
    SYS_SIGTTOU = 22,
    SYS_SIGXFSZ = 25,
    SYS_SIGNALS = 64,         /* signals are numbered from 1 to this */
    SYS_SIGNAL_SET_BYTES = 8, /* the kernel's sigset_t */
    SYS_CLOCK_MONOTONIC = 1,
    SYS_CLOCK_PROCESS_CPUTIME_ID = 2,
    SYS_CLOCK_REALTIME = 0,
    SYS_CLOCK_REALTIME_COARSE = 5, /* the clock of file times */
    SYS_MNT_DETACH = 2,
    SYS_UMOUNT_NOFOLLOW = 8,
    SYS_ST_RDONLY = 1, /* of statfs */
    SYS_DT_DIR = 4,
    SYS_SEEK_SET = 0,
    SYS_F_OK = 0,
    SYS_R_OK = 4,
};

/* The status that wait4 returns, as the macros of <sys/wait.h> take it apart. */
static inline int sys_has_stopped(int status) {
    return (status & 0xff) == 0x7f;
}

static inline int sys_stop_signal(int status) {
    return (status >> 8) & 0xff;
}

/* PTRACE_EVENT_*, or 0. */
static inline int sys_stop_event(int status) {
    return status >> 16;
}

/* The process exited by itself with a code other than 0. */
static inline int sys_has_failed(int status) {
    return (status & 0x7f) == 0 && status != 0;
}

/* For a call that returns an address: the highest values are errors. */
static inline int sys_is_error(sys_result result) {
    return result < 0 && result >= -4095; /* MAX_ERRNO */
}

static inline void sys_close_fd(int *fd) {
    if (*fd >= 0)
        SYS_CALL_1(__NR_close, *fd);
    *fd = -1;
}

static inline int sys_close(int fd) {
    return (int)SYS_CALL_1(__NR_close, fd);
}

static inline int sys_openat(int dir, const char *path, int flags, int mode) {
    return (int)SYS_CALL_4(__NR_openat, dir, path, flags | O_CLOEXEC, mode);
}

/* openat2; resolve: RESOLVE_* of linux/openat2.h. */
int sys_openat2(int dir, const char *path, int flags, int mode, uint64_t resolve);

static inline sys_result sys_read(int fd, void *data, size_t bytes) {
    return SYS_CALL_3(__NR_read, fd, data, bytes);
}

static inline sys_result sys_write(int fd, const void *data, size_t bytes) {
    return SYS_CALL_3(__NR_write, fd, data, bytes);
}

static inline sys_result sys_pread(int fd, void *data, size_t bytes, int64_t offset) {
    return SYS_CALL_4(__NR_pread64, fd, data, bytes, offset);
}

static inline sys_result sys_prctl(int option, unsigned long a) {
    return SYS_CALL_5(__NR_prctl, option, a, 0, 0, 0);
}

static inline sys_result sys_mount(const char *source, const char *target, const char *type,
                                   unsigned long flags, const char *data) {
    return SYS_CALL_5(__NR_mount, source, target, type, flags, data);
}

static inline void __attribute__((noreturn)) sys_exit(int code) {
    for (;;)
        SYS_CALL_1(__NR_exit_group, code);
}

/* 0 when there is no such clock. */
static inline uint64_t sys_clock_ns(int clock) {
    struct sys_timespec now = {0, 0};
    SYS_CALL_2(__NR_clock_gettime, clock, &now);
    return (uint64_t)now.seconds * 1000000000u + (uint64_t)now.nanoseconds;
}

static inline uint64_t sys_now_ns(void) {
    return sys_clock_ns(SYS_CLOCK_MONOTONIC);
}

/* Not for the hot path. */
static inline void sys_sleep_ns(uint64_t nanoseconds) {
    struct sys_timespec time = {(int64_t)(nanoseconds / 1000000000u), (int64_t)(nanoseconds % 1000000000u)};
    SYS_CALL_2(__NR_nanosleep, &time, 0);
}

/* Waits without end when timeout_ns < 0. */
static inline sys_result sys_poll(struct sys_pollfd *fds, unsigned count, int64_t timeout_ns) {
    struct sys_timespec timeout = {timeout_ns / 1000000000, timeout_ns % 1000000000};
    return SYS_CALL_5(__NR_ppoll, fds, count, timeout_ns < 0 ? 0 : &timeout, 0, SYS_SIGNAL_SET_BYTES);
}

/* As fork, with more flags; pidfd may be null. Returns 0 in the child. */
sys_result sys_clone(uint64_t flags, int *pidfd);
/* The same, with the child in the cgroup (v2) of this directory; -1: in the caller's. */
sys_result sys_clone_into(uint64_t flags, int *pidfd, int cgroup);

/* The most descriptors that one record carries. */
enum { SYS_DESCRIPTORS_MAX = 6 };

/* Sends one record with descriptors. Never blocks: -EAGAIN when the queue is full. */
int sys_send(int socket, const void *record, size_t bytes, const int *fds, unsigned fd_count);
int sys_send_blocking(int socket, const void *record, size_t bytes, const int *fds, unsigned fd_count);

/* Receives one record; missing descriptors are -1, surplus ones are closed. Returns 0 at the end of file, and
 * -EMFILE when this process had no room for the descriptors: then the record is valid without them. */
sys_result sys_receive(int socket, void *record, size_t bytes, int *fds, unsigned fd_count, int flags);

/* Begins at the current offset of `dir`. */
void sys_begin_entries(struct sys_entries *entries, int dir);
/* The next entry except . and .., valid until the next call; 0 after the last one. */
const struct sys_entry *sys_next_entry(struct sys_entries *entries);

/* Makes a memory file for data that no process may execute, where the kernel has such files; or returns
 * -errno. */
int sys_memory_file(const char *name);

/* Makes a memory file read-only for good, and sets its position to the start. */
int sys_seal(int fd);

/* Closes every descriptor from `first` on that is not in keep[]. */
void sys_close_others(int first, const int *keep, unsigned keep_count);

#endif
