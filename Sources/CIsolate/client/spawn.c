/*
 * Starts the supervisor without forking the embedder.
 *
 * The embedder may have gigabytes of heap and many threads, so its page tables are never copied: both clones
 * share its memory (CLONE_VM) and suspend it (CLONE_VFORK) until they exec or exit, as posix_spawn does.
 * There are two clones, so that the supervisor becomes an orphan: no wait call and no SIGCHLD of the embedder
 * concerns it. Between clone and exec there are only system calls, on prepared memory, with all signals
 * blocked.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.h"

enum { STACK_BYTES = 64 << 10, FIRST_SAFE_FD = 16 };

struct spawn {
    int image, socket, owner, config;
    int result; /* of the exec, when it failed */
    pid_t pid;
    char *inner_stack;
};

/* These functions run on a clone's stack and never return, so a sanitizer's marks would stay there and in the
 * state of the borrowed thread, where they disturb its later code. An embedder built with a sanitizer must
 * not instrument them. */
#if defined(__clang__)
#define ON_CLONED_STACK __attribute__((disable_sanitizer_instrumentation))
#else
#define ON_CLONED_STACK __attribute__((no_sanitize_address, no_sanitize_thread, no_sanitize_undefined))
#endif

/* Raw, so that no libc wrapper touches the errno or the cancellation state of the borrowed thread. */
ON_CLONED_STACK static long call(long number, long a, long b, long c, long d, long e) {
    return syscall(number, a, b, c, d, e);
}

/* clone as in the C library, but not interceptable: ThreadSanitizer's interceptor takes CLONE_VM for a new
 * thread of its process, and aborts. The child shares this process's memory and suspends the caller; it calls
 * body(argument) on the new stack and must not return from it. pid, or -errno. */
ON_CLONED_STACK static long clone_on_stack(int (*body)(void *), char *stack_top, void *argument) {
    const unsigned long flags = CLONE_VM | CLONE_VFORK;
#if defined(__x86_64__)
    register long result __asm__("rax") = SYS_clone;
    register unsigned long flags_in __asm__("rdi") = flags;
    register char *stack_in __asm__("rsi") = stack_top;
    register long parent_tid __asm__("rdx") = 0;
    register long child_tid __asm__("r10") = 0;
    register long tls __asm__("r8") = 0;
    register int (*body_in)(void *) __asm__("r12") = body;
    register void *argument_in __asm__("r13") = argument;
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "mov %%r13, %%rdi\n\t"
                     "call *%%r12\n\t"
                     "hlt\n"
                     "1:"
                     : "+r"(result)
                     : "r"(flags_in), "r"(stack_in), "r"(parent_tid), "r"(child_tid), "r"(tls), "r"(body_in),
                       "r"(argument_in)
                     : "rcx", "r11", "cc", "memory");
    return result;
#elif defined(__aarch64__)
    register unsigned long x0 __asm__("x0") = flags;
    register char *x1 __asm__("x1") = stack_top;
    register long x2 __asm__("x2") = 0;
    register long x3 __asm__("x3") = 0;
    register long x4 __asm__("x4") = 0;
    register long x8 __asm__("x8") = SYS_clone;
    register int (*x19)(void *) __asm__("x19") = body;
    register void *x20 __asm__("x20") = argument;
    __asm__ volatile("svc 0\n\t"
                     "cbnz x0, 1f\n\t"
                     "mov x29, xzr\n\t"
                     "mov x0, x20\n\t"
                     "blr x19\n\t"
                     "brk 0\n"
                     "1:"
                     : "+r"(x0)
                     : "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x8), "r"(x19), "r"(x20)
                     : "cc", "memory");
    return (long)x0;
#else
#error "no clone for this architecture"
#endif
}

ON_CLONED_STACK static void reset_signals(void) {
    struct {
        void *handler;
        unsigned long flags;
        void *restorer;
        uint64_t mask;
    } standard = {0};
    for (int signal = 1; signal <= 64; signal++)
        call(SYS_rt_sigaction, signal, (long)&standard, 0, 8, 0);
    uint64_t none = 0;
    call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&none, 0, 8, 0);
}

ON_CLONED_STACK static int become_supervisor(void *argument) {
    struct spawn *spawn = argument;
    static char name[] = "isolate-supervisor";
    static char *const argv[] = {name, NULL}, *const envp[] = {NULL};
    /* The supervisor inherits nothing of the embedder's: session, directory, umask, signals, descriptors,
     * environment. */
    call(SYS_setsid, 0, 0, 0, 0, 0);
    call(SYS_chdir, (long)"/", 0, 0, 0, 0);
    call(SYS_umask, 022, 0, 0, 0, 0);
    reset_signals();
    /* Moves the descriptors above 5 first, so that none is overwritten while they move to their places. */
    const int from[4] = {spawn->socket, spawn->owner, spawn->config, spawn->image};
    int high[4];
    /* Raises the descriptor limit here: an embedder that is short of descriptors does not limit the
     * supervisor, which has its own table and would raise the limit itself later. */
    struct {
        uint64_t soft, hard;
    } files;
    if (call(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&files, 0) == 0) {
        files.soft = files.hard;
        call(SYS_prlimit64, 0, RLIMIT_NOFILE, (long)&files, 0, 0);
    }
    for (int i = 0; i < 4; i++) {
        high[i] = (int)call(SYS_fcntl, from[i], F_DUPFD_CLOEXEC, FIRST_SAFE_FD, 0, 0);
        if (high[i] < 0) {
            spawn->result = errno == EINVAL ? EMFILE : errno; /* EINVAL: FIRST_SAFE_FD is above the limit */
            call(SYS_exit, 127, 0, 0, 0, 0);
        }
    }
    int null_device = (int)call(SYS_openat, AT_FDCWD, (long)"/dev/null", O_RDWR, 0, 0);
    for (int fd = 0; fd < 3; fd++)
        if (null_device != fd)
            call(SYS_dup3, null_device, fd, 0, 0, 0);
    for (int i = 0; i < 3; i++)
        call(SYS_dup3, high[i], ISOLATE_FD_SOCKET + i, 0, 0, 0);
    call(SYS_close_range, ISOLATE_FD_CONFIG + 1, ~0u, CLOSE_RANGE_CLOEXEC, 0, 0);
    long result = call(SYS_execveat, high[3], (long)"", (long)argv, (long)envp, AT_EMPTY_PATH);
    spawn->result = result < 0 ? errno : 0;
    call(SYS_exit, 127, 0, 0, 0, 0);
    return 127;
}

ON_CLONED_STACK static int clone_again(void *argument) {
    struct spawn *spawn = argument;
    long pid = clone_on_stack(become_supervisor, spawn->inner_stack + STACK_BYTES, spawn);
    spawn->pid = (pid_t)pid;
    if (pid < 0)
        spawn->result = (int)-pid;
    call(SYS_exit, 0, 0, 0, 0, 0);
    return 0;
}

int isolate_internal_spawn(int image, int socket, int owner, int config) {
    struct spawn spawn = {.image = image, .socket = socket, .owner = owner, .config = config, .pid = -1};
    sigset_t all, before;
    char *stacks =
        mmap(NULL, 2 * STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stacks == MAP_FAILED)
        return -errno;
    spawn.inner_stack = stacks + STACK_BYTES;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    /* No exit signal: the embedder's SIGCHLD handler, or an ignored SIGCHLD, does not apply to this child;
     * only __WCLONE waits for it. */
    long child = clone_on_stack(clone_again, stacks + STACK_BYTES, &spawn);
    int result = child < 0 ? (int)child : 0;
    if (child > 0)
        while (waitpid((pid_t)child, NULL, __WCLONE) < 0 && errno == EINTR) {
        }
    sigprocmask(SIG_SETMASK, &before, NULL);
    munmap(stacks, 2 * STACK_BYTES);
    if (result == 0 && spawn.result != 0)
        result = -spawn.result;
    return result == 0 ? spawn.pid : result;
}
