/* The filter where namespaces or user ids are missing: exactly the named calls get another answer. */
#include <linux/audit.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "bpf.h"
#include "isolate.h"
#include "test.h"

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#else
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#endif

enum { MOST = 1024, NOTIFY = -1, ALLOW = 0, VARIANTS = 16 };
enum {
    USER = ISOLATE_FILTER_SHARED_USER,
    SIGNALS = ISOLATE_FILTER_NO_SIGNALS,
    TREE = ISOLATE_FILTER_HOST_TREE,
    INIT = ISOLATE_FILTER_SHARED_INIT,
};

static struct {
    struct sock_filter program[MOST];
    size_t count;
    struct isolate_answers told;
} filters[VARIANTS];

static void build(void) {
    for (uint32_t variant = 0; variant < VARIANTS; variant++) {
        test_context("variant %x", variant);
        int count =
            isolate_filter_compile(variant, (struct isolate_filter_instruction *)filters[variant].program,
                                   MOST, &filters[variant].told);
        CHECK_OK(count);
        filters[variant].count = (size_t)count;
        const char *wrong = bpf_check(filters[variant].program, filters[variant].count);
        CHECK_TEXT(wrong == NULL ? "" : wrong, "");
        CHECK(filters[variant].count <= ISOLATE_FILTER_MAX);
    }
}

static int answer(uint32_t variant, int number, uint64_t first, uint64_t second) {
    struct seccomp_data data = {.nr = number, .arch = NATIVE_ARCH, .args = {first, second, 1, 1, 1, 1}};
    uint32_t action = bpf_run(filters[variant].program, filters[variant].count, &data);
    switch (action & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_ALLOW:
        return ALLOW;
    case SECCOMP_RET_USER_NOTIF:
        return NOTIFY;
    case SECCOMP_RET_ERRNO:
        return (int)(action & SECCOMP_RET_DATA);
    default:
        test_fail(__FILE__, __LINE__, "an action of no kind: %x", action);
    }
}

static int answer_of(uint32_t variant, const char *name, uint64_t first, uint64_t second) {
    int number = seccomp_syscall_resolve_name(name);
    test_context("variant %x: %s(%llx, %llx)", variant, name, (unsigned long long)first,
                 (unsigned long long)second);
    CHECK(number >= 0);
    int low = answer(variant, number, first, second);
    /* Calls that take ints ignore the registers' upper halves. */
    CHECK_EQUAL(answer(variant, number, first | 0xabcd00000000ull, second | 0xabcd00000000ull), low);
    return low;
}

static const struct {
    uint32_t variants;
    const char *name;
} changed[] = {
    {USER, "fcntl"}, /* the size of a pipe */
    {USER | INIT, "prlimit64"},
    {INIT, "sched_setaffinity"}, /* the slot is notified of the program's own everywhere */
    {USER | INIT, "sched_setparam"},
    {USER | INIT, "sched_setscheduler"},
    {USER | INIT, "sched_setattr"},
    {USER | INIT, "setpriority"},
    {USER | INIT, "ioprio_set"},
    {SIGNALS, "kill"},
    {SIGNALS, "tkill"},
    {SIGNALS, "rt_sigqueueinfo"},
    {SIGNALS, "rt_tgsigqueueinfo"},
    {SIGNALS, "pidfd_send_signal"},
    {TREE, "connect"},
    {TREE, "shmget"},
    {TREE, "shmat"},
    {TREE, "shmctl"},
    {TREE, "semop"},
    {TREE, "semctl"},
    {TREE, "semtimedop"},
    {TREE, "msgsnd"},
    {TREE, "msgrcv"},
    {TREE, "msgctl"},
    {TREE, "semget"},
    {TREE, "msgget"},
    {TREE, "socket"},
    {TREE, "socketpair"},
};
enum { CHANGED = sizeof changed / sizeof changed[0] };

TEST(filter_variants_change_only_what_they_name) {
    static const uint64_t values[] = {0,          1,         2, 3, 5, 16, 999, 1031 /* F_SETPIPE_SZ */,
                                      0x7fffffff, 0xffffffff};
    enum { VALUES = sizeof values / sizeof values[0] };
    build();
    for (uint32_t variant = 0; variant < VARIANTS; variant++) {
        int differences = 0, expected = 0;
        /* Calls that end a run, or may end it, are the same in every variant: no choice makes a call fatal
         * that only a variant refuses. */
        CHECK_EQUAL(memcmp(&filters[variant].told, &filters[0].told, sizeof filters[0].told), 0);
        for (int number = 0; number < ISOLATE_SYSCALL_BITS; number++) {
            char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
            int may_differ = 0, differs = 0;
            for (int i = 0; i < CHANGED && name != NULL; i++)
                may_differ |= (changed[i].variants & variant) != 0 && strcmp(changed[i].name, name) == 0;
            for (int a = 0; a < VALUES; a++)
                for (int b = 0; b < VALUES; b++) {
                    int was = answer(0, number, values[a], values[b]);
                    int is = answer(variant, number, values[a], values[b]);
                    test_context("variant %x, %s(%llx, %llx)", variant, name == NULL ? "?" : name,
                                 (unsigned long long)values[a], (unsigned long long)values[b]);
                    differs |= was != is;
                    CHECK(was == is || may_differ);
                    CHECK(is != ALLOW || was == ALLOW); /* no variant allows more */
                }
            CHECK_EQUAL(differs, may_differ);
            differences += differs;
            expected += may_differ;
            free(name);
        }
        CHECK_EQUAL(differences, expected);
        CHECK(differences > 0 || variant == 0);
    }
}

/* Only the calling process itself, named as 0. */
TEST(filter_variants_shared_user) {
    static const char *const by_process[] = {"prlimit64", "sched_setparam", "sched_setscheduler",
                                             "sched_setattr"};
    build();
    for (uint32_t variant = 0; variant < VARIANTS; variant++) {
        if (!(variant & USER) || (variant & INIT)) /* both never occur together; the wider one applies */
            continue;
        for (size_t i = 0; i < sizeof by_process / sizeof by_process[0]; i++) {
            CHECK_EQUAL(answer_of(variant, by_process[i], 0, 7), ALLOW);
            CHECK_EQUAL(answer_of(variant, by_process[i], 1, 7), NOTIFY);
            CHECK_EQUAL(answer_of(variant, by_process[i], 4711, 0), NOTIFY);
            CHECK_EQUAL(answer_of(variant, by_process[i], 0xffffffff, 0), NOTIFY);
        }
        CHECK_EQUAL(answer_of(variant, "setpriority", PRIO_PROCESS, 0), ALLOW);
        CHECK_EQUAL(answer_of(variant, "setpriority", PRIO_PROCESS, 4711), NOTIFY);
        CHECK_EQUAL(answer_of(variant, "setpriority", PRIO_PGRP, 0), NOTIFY);
        CHECK_EQUAL(answer_of(variant, "setpriority", PRIO_USER, 0), NOTIFY);
        CHECK_EQUAL(answer_of(variant, "ioprio_set", 1, 0), NOTIFY);
        CHECK_EQUAL(answer_of(variant, "tgkill", 4711, 4711), ALLOW);
        CHECK_EQUAL(answer_of(variant, "kill", 0, 9), variant & SIGNALS ? NOTIFY : ALLOW);
    }
}

TEST(filter_variants_no_signals) {
    static const char *const calls[] = {"kill", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo",
                                        "pidfd_send_signal"};
    build();
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        for (uint64_t pid = 0; pid < 3; pid++)
            CHECK_EQUAL(answer_of(USER | SIGNALS | TREE, calls[i], pid, 9), NOTIFY);
    CHECK_EQUAL(answer_of(USER | SIGNALS | TREE, "tgkill", 1, 1), ALLOW); /* abort() */
}

/* pid 1 has the program's user id, and the program must not change it. */
TEST(filter_variants_shared_init) {
    static const char *const by_process[] = {"prlimit64", "sched_setparam", "sched_setscheduler",
                                             "sched_setattr"};
    build();
    for (size_t i = 0; i < sizeof by_process / sizeof by_process[0]; i++)
        for (uint64_t pid = 0; pid < 5; pid++)
            CHECK_EQUAL(answer_of(INIT, by_process[i], pid, 1), pid == 1 ? EPERM : ALLOW);
    for (uint64_t pid = 0; pid < 5; pid++)
        CHECK_EQUAL(answer_of(INIT, "sched_setaffinity", pid, 1), pid == 1 ? EPERM : NOTIFY);
    for (uint64_t who = 0; who < 5; who++) {
        CHECK_EQUAL(answer_of(INIT, "setpriority", PRIO_PROCESS, who), who == 1 ? EPERM : ALLOW);
        CHECK_EQUAL(answer_of(INIT, "setpriority", PRIO_PGRP, who), who == 1 ? EPERM : ALLOW);
        /* PRIO_USER would include init. */
        CHECK_EQUAL(answer_of(INIT, "setpriority", PRIO_USER, who), EPERM);
        CHECK_EQUAL(answer_of(INIT, "ioprio_set", 1, who), who == 1 ? EPERM : ALLOW);
        CHECK_EQUAL(answer_of(INIT, "ioprio_set", 2, who), who == 1 ? EPERM : ALLOW);
        CHECK_EQUAL(answer_of(INIT, "ioprio_set", 3, who), EPERM);
    }
    CHECK_EQUAL(answer_of(INIT, "kill", 1, 9), ALLOW); /* the kernel itself protects pid 1 */
}

/* The host's sockets are in reach by name: the program can neither connect nor send to any. */
TEST(filter_variants_host_tree) {
    static const uint64_t flags[] = {0, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_CLOEXEC | SOCK_NONBLOCK};
    build();
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        for (int is_pair = 0; is_pair < 2; is_pair++) {
            const char *name = is_pair ? "socketpair" : "socket";
            CHECK_EQUAL(answer_of(TREE, name, AF_UNIX, SOCK_STREAM | flags[i]), ALLOW);
            CHECK_EQUAL(answer_of(TREE, name, AF_UNIX, SOCK_SEQPACKET | flags[i]), ALLOW);
            CHECK_EQUAL(answer_of(TREE, name, AF_UNIX, SOCK_DGRAM | flags[i]), ESOCKTNOSUPPORT);
            CHECK_EQUAL(answer_of(TREE, name, AF_UNIX, SOCK_RAW | flags[i]), ESOCKTNOSUPPORT);
            CHECK_EQUAL(answer_of(TREE, name, AF_INET, SOCK_STREAM | flags[i]), NOTIFY);
            CHECK_EQUAL(answer_of(TREE, name, AF_INET, SOCK_DGRAM | flags[i]), NOTIFY);
            CHECK_EQUAL(answer_of(TREE, name, AF_NETLINK, SOCK_RAW | flags[i]), NOTIFY);
        }
    static const char *const denied[] = {"connect", "shmget", "semget", "msgget"};
    for (size_t i = 0; i < sizeof denied / sizeof denied[0]; i++)
        CHECK_EQUAL(answer_of(TREE, denied[i], 3, 3), NOTIFY);
    CHECK_EQUAL(answer_of(0, "socket", AF_UNIX, SOCK_DGRAM), ALLOW);
}
