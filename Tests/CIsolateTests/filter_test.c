/*
 * The compiled filter gives the policy's answer for every number, and agrees with a filter that libseccomp
 * makes from the same policy.
 *
 * The three answers here are 'a' allowed, 'n' a notification, and an errno. libseccomp's filter uses TRAP
 * where the library's uses NOTIFY, so that libseccomp does not check whether the kernel supports
 * notifications.
 */
#include <linux/audit.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf.h"
#include "isolate.h"
#include "policy.h"
#include "test.h"

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#define FOREIGN_ARCH AUDIT_ARCH_I386
#else
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#define FOREIGN_ARCH AUDIT_ARCH_ARM
#endif

enum {
    MOST = 1024,
    X32 = 0x40000000,
    IGNORE = -2, /* succeeds without doing anything */
    NOTIFY = -1,
    ALLOW = 0
}; /* an answer, or the errno */

struct filters {
    struct sock_filter ours[MOST], theirs[4096];
    size_t our_count, their_count;
    struct isolate_answers told;
};
static struct filters filters;

static int meaning(uint32_t action) {
    switch (action & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_ALLOW:
        return ALLOW;
    case SECCOMP_RET_USER_NOTIF:
    case SECCOMP_RET_TRAP:
        return NOTIFY;
    case SECCOMP_RET_ERRNO:
        return (action & SECCOMP_RET_DATA) == 0 ? IGNORE : (int)(action & SECCOMP_RET_DATA);
    default:
        test_fail(__FILE__, __LINE__, "an action of no kind: %x", action);
    }
}

static void rule(scmp_filter_ctx c, uint32_t action, int call, struct scmp_arg_cmp compare) {
    CHECK_EQUAL(seccomp_rule_add(c, action, call, 1, compare), 0);
}

static const uint32_t refused_flags[] = {CLONE_NEWNS,  CLONE_NEWCGROUP, CLONE_NEWUTS,
                                         CLONE_NEWIPC, CLONE_NEWUSER,   CLONE_NEWPID,
                                         CLONE_NEWNET, CLONE_PARENT,    CLONE_PTRACE};
enum { REFUSED = sizeof refused_flags / sizeof refused_flags[0] };
static const uint32_t harmless_unshare = CLONE_FS | CLONE_SYSVSEM;

static int has_argument_rules(const char *name) {
    for (const struct argument_rule *rule = isolate_argument_rules; rule->name != NULL; rule++)
        if (strcmp(rule->name, name) == 0)
            return 1;
    return 0;
}

/* The calls whose answer depends on an argument, as libseccomp's rules. One rule may compare an argument
 * once, so "any other" is written as ranges and bits. */
static void add_dependent(scmp_filter_ctx c, const char *name, int call) {
    const uint32_t no = SCMP_ACT_TRAP;
    if (has_argument_rules(name)) {
        /* libseccomp cannot express several values of one argument; see filter_follows_argument_rules. */
        CHECK_EQUAL(seccomp_rule_add(c, SCMP_ACT_ALLOW, call, 0), 0);
    } else if (strcmp(name, "socket") == 0 || strcmp(name, "socketpair") == 0) {
        rule(c, SCMP_ACT_ALLOW, call, SCMP_A0_32(SCMP_CMP_EQ, AF_UNIX));
        rule(c, no, call, SCMP_A0_32(SCMP_CMP_LT, AF_UNIX));
        rule(c, no, call, SCMP_A0_32(SCMP_CMP_GT, AF_UNIX));
    } else if (strcmp(name, "clone") == 0) {
        uint32_t all = 0;
        for (int i = 0; i < REFUSED; i++) {
            all |= refused_flags[i];
            rule(c, no, call, SCMP_A0_32(SCMP_CMP_MASKED_EQ, refused_flags[i], refused_flags[i]));
        }
        rule(c, SCMP_ACT_ALLOW, call, SCMP_A0_32(SCMP_CMP_MASKED_EQ, all, 0));
    } else if (strcmp(name, "unshare") == 0) {
        for (int bit = 0; bit < 32; bit++)
            if (!(harmless_unshare & (1u << bit)))
                rule(c, no, call, SCMP_A0_32(SCMP_CMP_MASKED_EQ, 1u << bit, 1u << bit));
        rule(c, SCMP_ACT_ALLOW, call, SCMP_A0_32(SCMP_CMP_MASKED_EQ, ~harmless_unshare, 0));
    } else if (strcmp(name, "personality") == 0) {
        rule(c, SCMP_ACT_ALLOW, call, SCMP_A0_32(SCMP_CMP_EQ, 0));
        rule(c, SCMP_ACT_ALLOW, call, SCMP_A0_32(SCMP_CMP_EQ, 0xffffffff));
        for (int bit = 0; bit < 32; bit++) { /* not all bits equal: a one stands next to a zero */
            uint32_t one = 1u << bit, zero = 1u << ((bit + 1) % 32);
            rule(c, no, call, SCMP_A0_32(SCMP_CMP_MASKED_EQ, one | zero, one));
        }
    } else {
        test_fail(__FILE__, __LINE__, "the test does not know what %s depends on", name);
    }
}

static void add_rule(scmp_filter_ctx c, const char *name) {
    int call = seccomp_syscall_resolve_name(name);
    if (call < 0)
        return; /* not on this architecture */
    switch (isolate_policy_answer(name)) {
    case 'a':
        CHECK_EQUAL(seccomp_rule_add(c, SCMP_ACT_ALLOW, call, 0), 0);
        break;
    case 'd':
    case 'f':
    case 't':
        CHECK_EQUAL(seccomp_rule_add(c, SCMP_ACT_TRAP, call, 0), 0);
        break;
    case 'i':
        CHECK_EQUAL(seccomp_rule_add(c, SCMP_ACT_ERRNO(0), call, 0), 0);
        break;
    case 'u':
        CHECK_EQUAL(seccomp_rule_add(c, SCMP_ACT_ERRNO(EOPNOTSUPP), call, 0), 0);
        break;
    case 'v':
        CHECK_EQUAL(seccomp_rule_add(c, SCMP_ACT_ERRNO(EINVAL), call, 0), 0);
        break;
    case 'c':
        add_dependent(c, name, call);
        break;
    default:
        break; /* the default action */
    }
}

static void build_theirs(void) {
    scmp_filter_ctx c = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    CHECK(c != NULL);
    CHECK_EQUAL(seccomp_attr_set(c, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_TRAP), 0);
    for (const struct policy_entry *entry = isolate_policy; entry->name != NULL; entry++) {
        test_context("libseccomp's rule for %s", entry->name);
        add_rule(c, entry->name);
    }
    test_context("%s", "");
    int fd = memfd_create("filter", MFD_CLOEXEC);
    CHECK_OK(fd);
    CHECK_EQUAL(seccomp_export_bpf(c, fd), 0);
    ssize_t bytes = pread(fd, filters.theirs, sizeof filters.theirs, 0);
    CHECK(bytes > 0 && (size_t)bytes < sizeof filters.theirs);
    filters.their_count = (size_t)bytes / sizeof filters.theirs[0];
    close(fd);
    seccomp_release(c);
}

static void build(void) {
    int count =
        isolate_filter_compile(0, (struct isolate_filter_instruction *)filters.ours, MOST, &filters.told);
    CHECK_OK(count);
    filters.our_count = (size_t)count;
    build_theirs();
}

static int is_by_rules(uint32_t arch, uint32_t number) {
    char *name = arch == NATIVE_ARCH ? seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)number) : NULL;
    int result = name != NULL && has_argument_rules(name);
    free(name);
    return result;
}

/* The answer of both filters, which must be the same. */
static int answer(uint32_t arch, uint32_t number, int index, uint64_t argument) {
    struct seccomp_data data = {.nr = (int)number, .arch = arch, .instruction_pointer = 0x7fff00001000};
    for (int i = 0; i < 6; i++)
        data.args[i] = 0x1234567890abcdefull * (unsigned)(i + 1); /* values that must not matter */
    if (index >= 0)
        data.args[index] = argument;
    int ours = meaning(bpf_run(filters.ours, filters.our_count, &data));
    int theirs = meaning(bpf_run(filters.theirs, filters.their_count, &data));
    /* libseccomp compares whole registers; the kernel's int arguments are the lower halves. */
    int is_clone = (int)number == seccomp_syscall_resolve_name("clone"); /* two bits together, see below */
    if (ours != theirs && argument >> 32 == 0 && !is_by_rules(arch, number) && !is_clone)
        test_fail(__FILE__, __LINE__, "arch %x number %u argument %llx: ours %d, libseccomp's %d", arch,
                  number, (unsigned long long)argument, ours, theirs);
    return ours;
}

static int answer_of(const char *name, int index, uint64_t argument) {
    int number = seccomp_syscall_resolve_name(name);
    CHECK(number >= 0);
    test_context("%s with %llx", name, (unsigned long long)argument);
    int low = answer(NATIVE_ARCH, (uint32_t)number, index, argument);
    /* A call that takes an int ignores the register's upper half. */
    CHECK_EQUAL(answer(NATIVE_ARCH, (uint32_t)number, index, argument | 0xabcd000000000000ull), low);
    return low;
}

TEST(filter_is_well_formed) {
    build();
    const char *wrong = bpf_check(filters.ours, filters.our_count);
    CHECK_TEXT(wrong == NULL ? "" : wrong, "");
    wrong = bpf_check(filters.theirs, filters.their_count);
    CHECK_TEXT(wrong == NULL ? "" : wrong, "");
    test_note("instructions: %zu ours, %zu libseccomp's", filters.our_count, filters.their_count);
    CHECK(filters.our_count < 255);
    CHECK(filters.our_count < filters.their_count);
    /* The compiler refuses every shorter buffer and never writes beyond it. */
    for (size_t most = 0; most < filters.our_count; most++) {
        struct isolate_answers told;
        struct isolate_filter_instruction *out = calloc(most + 1, sizeof *out);
        CHECK_EQUAL(isolate_filter_compile(0, out, most, &told), -E2BIG);
        CHECK_EQUAL(out[most].code, 0);
        free(out);
    }
}

TEST(filter_says_what_the_policy_says) {
    int counts[256] = {0};
    build();
    for (uint32_t number = 0; number < ISOLATE_SYSCALL_BITS; number++) {
        char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)number);
        char policy = name == NULL ? 's' : isolate_policy_answer(name);
        int is_fatal = (int)(filters.told.fatal[number / 64] >> (number % 64)) & 1;
        int is_harmless = (int)(filters.told.harmless[number / 64] >> (number % 64)) & 1;
        test_context("%u (%s)", number, name == NULL ? "no name" : name);
        int said = answer(NATIVE_ARCH, number, -1, 0);
        switch (policy) {
        case 'a':
            CHECK_EQUAL(said, ALLOW);
            break;
        case 's':
            CHECK_EQUAL(said, ENOSYS);
            break;
        case 'd':
        case 'f':
        case 't':
            CHECK_EQUAL(said, NOTIFY);
            break;
        case 'i':
            CHECK_EQUAL(said, IGNORE);
            break;
        case 'u':
            CHECK_EQUAL(said, EOPNOTSUPP);
            break;
        case 'v':
            CHECK_EQUAL(said, EINVAL);
            break;
        default: /* by arguments: answer_test.c */
            CHECK_EQUAL(policy, 'c');
            break;
        }
        CHECK_EQUAL(is_fatal, policy == 'f');
        if (policy == 'd' || policy == 'a' || policy == 't')
            CHECK_EQUAL(is_harmless, policy == 'd');
        counts[(unsigned char)policy]++;
        free(name);
    }
    test_note("numbers 0 to 1023: %d allowed, %d denied, %d fatal, %d by argument, %d ENOSYS", counts['a'],
              counts['d'], counts['f'], counts['c'], counts['s']);
    for (uint32_t number = ISOLATE_SYSCALL_BITS; number < X32; number += 999983)
        CHECK_EQUAL(answer(NATIVE_ARCH, number, -1, 0), ENOSYS);
}

TEST(filter_refuses_foreign_calls) {
    static const uint32_t others[] = {0, AUDIT_ARCH_ARM, AUDIT_ARCH_MIPS, 0xffffffff, NATIVE_ARCH ^ 1};
    build();
    for (uint32_t number = 0; number < ISOLATE_SYSCALL_BITS; number++) {
        CHECK_EQUAL(answer(FOREIGN_ARCH, number, -1, 0), NOTIFY);
#if defined(__x86_64__)
        CHECK_EQUAL(answer(NATIVE_ARCH, X32 | number, -1, 0), NOTIFY);
        CHECK_EQUAL(answer(NATIVE_ARCH, 0x80000000 | number, -1, 0), NOTIFY);
#endif
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
            CHECK_EQUAL(answer(others[i], number, -1, 0), NOTIFY);
    }
}

TEST(filter_looks_at_arguments) {
    build();
    for (uint32_t family = 0; family <= 45; family++) {
        CHECK_EQUAL(answer_of("socket", 0, family), family == AF_UNIX ? ALLOW : NOTIFY);
        CHECK_EQUAL(answer_of("socketpair", 0, family), family == AF_UNIX ? ALLOW : NOTIFY);
    }
    CHECK_EQUAL(answer_of("socket", 0, 0xffffffff), NOTIFY);
    for (int bit = 0; bit < 32; bit++) {
        uint32_t flag = 1u << bit;
        int is_refused = 0;
        for (int i = 0; i < REFUSED; i++)
            is_refused |= refused_flags[i] == flag;
        int is_alone = flag == CLONE_THREAD; /* a thread with its own descriptor table */
        CHECK_EQUAL(answer_of("clone", 0, flag), is_refused || is_alone ? NOTIFY : ALLOW);
        CHECK_EQUAL(answer_of("clone", 0, flag | CLONE_VM | 17), is_refused || is_alone ? NOTIFY : ALLOW);
        CHECK_EQUAL(answer_of("clone", 0, flag | CLONE_THREAD | CLONE_FILES), is_refused ? NOTIFY : ALLOW);
        CHECK_EQUAL(answer_of("unshare", 0, flag), flag & harmless_unshare ? ALLOW : NOTIFY);
        CHECK_EQUAL(answer_of("personality", 0, flag), NOTIFY);
        CHECK_EQUAL(answer_of("personality", 0, ~flag), NOTIFY);
    }
    CHECK_EQUAL(answer_of("clone", 0, 0x3d0f00), ALLOW);  /* pthread_create */
    CHECK_EQUAL(answer_of("clone", 0, 0x1200011), ALLOW); /* fork */
    CHECK_EQUAL(answer_of("clone", 0, 0x4111), ALLOW);    /* vfork, posix_spawn */
    CHECK_EQUAL(answer_of("clone", 0, 0xffffffff), NOTIFY);
    CHECK_EQUAL(answer_of("unshare", 0, CLONE_FILES), NOTIFY);
    CHECK_EQUAL(answer_of("unshare", 0, 0), ALLOW);
    CHECK_EQUAL(answer_of("unshare", 0, harmless_unshare), ALLOW);
    CHECK_EQUAL(answer_of("unshare", 0, harmless_unshare | CLONE_NEWUSER), NOTIFY);
    CHECK_EQUAL(answer_of("personality", 0, 0), ALLOW);
    CHECK_EQUAL(answer_of("personality", 0, 0xffffffff), ALLOW);
    CHECK_EQUAL(answer_of("personality", 0, 0x0040000), NOTIFY); /* no address randomisation */
    CHECK_EQUAL(answer_of("ioctl", 1, TIOCSTI), NOTIFY);
    CHECK_EQUAL(answer_of("ioctl", 1, TIOCLINUX), NOTIFY);
    for (uint32_t request = 0x5400; request < 0x5500; request++)
        CHECK_EQUAL(answer_of("ioctl", 1, request),
                    request == TIOCSTI || request == TIOCLINUX || request == TIOCSETD ? NOTIFY : ALLOW);
    CHECK_EQUAL(answer_of("ioctl", 1, 0), ALLOW);
    CHECK_EQUAL(answer_of("ioctl", 1, 0xffffffff), ALLOW);
}

/* Argument values that allowed calls refuse: with the kernel's numbers, not with the table from which the
 * filter is made. */
TEST(filter_follows_argument_rules) {
    static const struct {
        const char *name;
        int index;
        uint32_t refused;
        int answer;
        uint32_t allowed[3];
    } rules[] = {
        {"mmap", 3, 0x40022 /* huge, private, anonymous */, ENOMEM, {0x22, 0x2, 0x20022}},
        {"memfd_create", 1, 0x5, EINVAL, {0, 1, 3}},
        {"shmget", 2, 07777 & ~0600, EPERM, {0600, 01600, 0}},
        {"msync", 2, 4, IGNORE, {0, 1, 2}},
        {"madvise", 2, 20, IGNORE, {4, 8, 19}},
        {"madvise", 2, 21, IGNORE, {14, 22, 23}},
        {"madvise", 2, 12, EINVAL, {11, 13, 0}},
        {"preadv2", 5, 8, EOPNOTSUPP, {0, 1, 16}},
        {"fcntl", 1, 6, NOTIFY, {5, 8, 0}},
        {"fcntl", 1, 7, NOTIFY, {3, 4, 9}},
        {"fcntl", 1, 37, NOTIFY, {36, 39, 1}},
        {"fcntl", 1, 38, NOTIFY, {1030, 1033, 2}},
        {"close_range", 2, 2, NOTIFY, {0, 4, 1}},
        {"ioctl", 1, 0x5423, NOTIFY, {0x5424, 0x5422, 0x5401}},
        {"ioctl", 1, 0xc020660b, EOPNOTSUPP, {0xc020660a, 0x5401, 0x80086601}},
        {"ioctl", 1, 0xc0c0583b, EOPNOTSUPP, {0xc0c0583a, 0, 0x541b}},
        {"prctl", 0, 22, EINVAL, {21, 23, 15}},
        {"prctl", 0, 67, EINVAL, {66, 68, 38}},
        {"prctl", 0, 62, EINVAL, {61, 63, 1}},
        {"prctl", 0, 35, EPERM, {34, 36, 4}},
    };
    build();
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        CHECK_EQUAL(answer_of(rules[i].name, rules[i].index, rules[i].refused), rules[i].answer);
        for (int k = 0; k < 3; k++)
            CHECK_EQUAL(answer_of(rules[i].name, rules[i].index, rules[i].allowed[k]), ALLOW);
    }
    struct seccomp_data data = {.arch = NATIVE_ARCH, .nr = seccomp_syscall_resolve_name("mincore")};
    for (int gigabytes = 0; gigabytes < 4096; gigabytes += 4) {
        data.args[1] = ((uint64_t)gigabytes << 30) + 4096;
        CHECK_EQUAL(meaning(bpf_run(filters.ours, filters.our_count, &data)),
                    gigabytes < 64 ? ALLOW : ENOMEM);
    }
    /* The filter compares a socket option's level and name together: IPV6_V6ONLY has the number of
     * SO_ATTACH_FILTER. */
    data.nr = seccomp_syscall_resolve_name("setsockopt");
    for (int level = 0; level < 300; level++)
        for (int name = 0; name < 100; name++) {
            int is_filter = level == 1 && (name == 26 || (name >= 50 && name <= 52));
            data.args[1] = (uint64_t)level;
            data.args[2] = (uint64_t)name;
            CHECK_EQUAL(meaning(bpf_run(filters.ours, filters.our_count, &data)),
                        is_filter ? ENOPROTOOPT : ALLOW);
        }
    CHECK_EQUAL(answer_of("seccomp", 0, 1), EINVAL);
    CHECK_EQUAL(answer_of("setxattr", 0, 1), EOPNOTSUPP);
    CHECK_EQUAL(answer_of("fadvise64", 3, 4), IGNORE);
    CHECK_EQUAL(answer_of("mq_open", 0, 0), ENOSYS);
}

/* With a loopback: TCP and UDP in the usual forms, and nothing more. */
TEST(filter_opens_the_loopback) {
    static const uint64_t flags[] = {0, SOCK_CLOEXEC, SOCK_NONBLOCK | SOCK_CLOEXEC};
    build();
    int count = isolate_filter_compile(ISOLATE_FILTER_LOOPBACK, (void *)filters.ours, MOST, &filters.told);
    CHECK(count > 0);
    const char *wrong = bpf_check(filters.ours, (size_t)count);
    CHECK_TEXT(wrong == NULL ? "" : wrong, "");
    for (uint64_t family = 0; family < 46; family++)
        for (uint64_t type = 0; type < 11; type++)
            for (uint64_t protocol = 0; protocol < 300; protocol++)
                for (size_t f = 0; f < sizeof flags / sizeof flags[0]; f++) {
                    struct seccomp_data data = {.nr = seccomp_syscall_resolve_name("socket"),
                                                .arch = NATIVE_ARCH,
                                                .args = {family, type | flags[f], protocol}};
                    int is_internet = (family == AF_INET || family == AF_INET6) &&
                                      (type == SOCK_STREAM || type == SOCK_DGRAM) &&
                                      (protocol == 0 || protocol == 6 || protocol == 17);
                    int is_allowed = meaning(bpf_run(filters.ours, (size_t)count, &data)) == ALLOW;
                    int is_route = family == AF_NETLINK && protocol == 0;
                    if (is_allowed != (family == AF_UNIX || is_internet || is_route))
                        test_fail(__FILE__, __LINE__, "socket(%d, %d, %d)", (int)family, (int)type,
                                  (int)protocol);
                }
}

/* Without namespaces the host's sockets and System V objects are in reach by name, by number, or by
 * datagram. */
TEST(filter_closes_the_hosts_objects) {
    static const char *const denied[] = {"connect", "shmget", "shmat",  "shmctl", "semget",
                                         "semop",   "semctl", "msgget", "msgsnd", "msgrcv"};
    static const int pairs[] = {0, 1};
    build();
    int count = isolate_filter_compile(ISOLATE_FILTER_HOST_TREE, (void *)filters.ours, MOST, &filters.told);
    CHECK(count > 0);
    const char *wrong = bpf_check(filters.ours, (size_t)count);
    CHECK_TEXT(wrong == NULL ? "" : wrong, "");
    for (size_t i = 0; i < sizeof denied / sizeof denied[0]; i++) {
        struct seccomp_data data = {.nr = seccomp_syscall_resolve_name(denied[i]), .arch = NATIVE_ARCH};
        test_context("%s", denied[i]);
        CHECK_EQUAL(meaning(bpf_run(filters.ours, (size_t)count, &data)), NOTIFY);
    }
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        for (uint64_t type = 0; type < 16; type++)
            for (uint64_t family = 0; family < 46; family++) {
                const char *name = pairs[i] ? "socketpair" : "socket";
                struct seccomp_data data = {.nr = seccomp_syscall_resolve_name(name),
                                            .arch = NATIVE_ARCH,
                                            .args = {family, type | SOCK_CLOEXEC}};
                int is_datagram = (type & SOCK_DGRAM) != 0; /* or raw, which AF_UNIX treats as a datagram */
                test_context("%s %d %d", name, (int)family, (int)type);
                CHECK_EQUAL(meaning(bpf_run(filters.ours, (size_t)count, &data)), family != AF_UNIX ? NOTIFY
                                                                                  : is_datagram
                                                                                      ? ESOCKTNOSUPPORT
                                                                                      : ALLOW);
            }
}
