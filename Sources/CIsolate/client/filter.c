/*
 * Compiles the policy to a seccomp filter.
 *
 * The kernel takes time for each instruction when a cell installs its filter, and libseccomp writes one
 * comparison per call. Neighbouring system call numbers mostly have the same answer, so a binary search over
 * ranges is several times shorter. libseccomp still supplies the numbers, and the tests compare both filters
 * call by call.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "isolate.h"
#include "policy.h"

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#error "no seccomp policy for this architecture"
#endif

enum { IO_PRIORITY_USER = 3 /* IOPRIO_WHO_USER, which older headers lack */ };
enum { X32_BIT = 0x40000000, RANGES_MAX = 256, REFERENCES_MAX = 2 * RANGES_MAX, SOCKET_TYPE_BITS = 15 };

struct range {
    uint32_t first; /* up to the next range's first; the call itself where the answer depends on arguments */
    enum policy_answer answer;
};

struct reference { /* a jump to one of the shared answers */
    size_t at;
    int when_true;
    enum policy_answer answer;
};

struct assembler {
    struct isolate_filter_instruction *out;
    size_t count, most;
    struct reference references[REFERENCES_MAX];
    size_t reference_count;
    uint32_t variant;
    int overflow;
};

static void emit(struct assembler *a, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf) {
    if (a->count >= a->most) {
        a->overflow = 1;
        return;
    }
    a->out[a->count++] = (struct isolate_filter_instruction){code, jt, jf, k};
}

static void emit_return(struct assembler *a, uint32_t action) {
    emit(a, BPF_RET | BPF_K, action, 0, 0);
}

static void emit_load(struct assembler *a, size_t offset) {
    emit(a, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

/* Loads the low half of an argument: the kernel ignores the high half of an int. Both architectures are
 * little-endian. */
static void emit_load_argument(struct assembler *a, int index) {
    emit_load(a, offsetof(struct seccomp_data, args) + (size_t)index * 8);
}

static const uint32_t allow = SECCOMP_RET_ALLOW, notify = SECCOMP_RET_USER_NOTIF;

static uint32_t error(int number) {
    return SECCOMP_RET_ERRNO | (uint32_t)number;
}

static void emit_match(struct assembler *a, const struct argument_rule *rule) {
    static const uint16_t compare[] = {BPF_JEQ, BPF_JSET, BPF_JGE};
    emit(a, (uint16_t)(BPF_JMP | BPF_K | compare[rule->match]), rule->value, 0, 1);
    emit_return(a, rule->answer == POLICY_TELL ? notify : error(rule->answer));
}

/* Counts the rules from this one on that belong to the same call, argument and condition. */
static unsigned count_alike(const struct argument_rule *rule) {
    unsigned count = 0;
    while (rule[count].name != NULL && strcmp(rule[count].name, rule->name) == 0 &&
           rule[count].where == rule->where && rule[count].where_value == rule->where_value &&
           rule[count].index == rule->index &&
           (rule[count].match == POLICY_MATCH_GIGABYTES) == (rule->match == POLICY_MATCH_GIGABYTES))
        count++;
    return count;
}

static void emit_rules_of(struct assembler *a, const struct argument_rule *rule, uint32_t number) {
    enum { RULE_INSTRUCTIONS = 2 };
    for (unsigned count; rule->name != NULL; rule += count) {
        count = count_alike(rule);
        if (seccomp_syscall_resolve_name(rule->name) != (int)number)
            continue;
        if (rule->where != 0) { /* past the load and all these rules */
            emit_load_argument(a, rule->where);
            emit(a, BPF_JMP | BPF_JEQ | BPF_K, rule->where_value, 0,
                 (uint8_t)(1 + RULE_INSTRUCTIONS * count));
        }
        if (rule->match == POLICY_MATCH_GIGABYTES)
            emit_load(a, offsetof(struct seccomp_data, args) + (size_t)rule->index * 8 + 4);
        else
            emit_load_argument(a, rule->index);
        for (unsigned i = 0; i < count; i++)
            emit_match(a, &rule[i]);
    }
}

static void emit_argument_rules(struct assembler *a, uint32_t number) {
    emit_rules_of(a, isolate_argument_rules, number);
    if (a->variant & ISOLATE_FILTER_SHARED_USER)
        emit_rules_of(a, isolate_shared_user_rules, number);
    emit_return(a, allow);
}

/* Allows TCP and UDP, as streams and datagrams; other protocols could load kernel modules. Also allows
 * NETLINK_ROUTE, with which getifaddrs lists the interfaces: the network namespace has only lo, and the
 * program has no capability to change it. */
static void emit_loopback_socket(struct assembler *a) {
    emit_load_argument(a, 0);
    emit(a, BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 0, 1);
    emit_return(a, allow);
    emit(a, BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 4);
    emit_load_argument(a, 2);
    emit(a, BPF_JMP | BPF_JEQ | BPF_K, NETLINK_ROUTE, 0, 1);
    emit_return(a, allow);
    emit_return(a, notify);
    emit(a, BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 1, 0);
    emit(a, BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 9);
    emit_load_argument(a, 1);
    emit(a, BPF_ALU | BPF_AND | BPF_K, SOCKET_TYPE_BITS, 0, 0);
    emit(a, BPF_JMP | BPF_JEQ | BPF_K, SOCK_STREAM, 1, 0);
    emit(a, BPF_JMP | BPF_JEQ | BPF_K, SOCK_DGRAM, 0, 5);
    emit_load_argument(a, 2);
    emit(a, BPF_JMP | BPF_JEQ | BPF_K, 0, 2, 0);
    emit(a, BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 1, 0);
    emit(a, BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 1);
    emit_return(a, allow);
    emit_return(a, notify);
}

static void emit_answer(struct assembler *a, enum policy_answer answer, uint32_t number) {
    switch (answer) {
    case POLICY_ALLOW:
        emit_return(a, allow);
        break;
    case POLICY_IGNORE:
        emit_return(a, error(0));
        break;
    case POLICY_UNSUPPORTED:
        emit_return(a, error(EOPNOTSUPP));
        break;
    case POLICY_INVALID:
        emit_return(a, error(EINVAL));
        break;
    case POLICY_BY_ARGUMENT:
        emit_argument_rules(a, number);
        break;
    case POLICY_LOOPBACK_SOCKET:
        emit_loopback_socket(a);
        break;
    case POLICY_DENY:
    case POLICY_FATAL:
    case POLICY_TOLD:
        emit_return(a, notify);
        break;
    case POLICY_STREAM_SOCKET: /* no datagrams: they reach any socket in the tree without a connect */
    case POLICY_STREAM_SOCKETPAIR:
        emit_load_argument(a, 1);
        /* SOCK_DGRAM, and SOCK_RAW, which AF_UNIX treats as SOCK_DGRAM, have this bit. */
        emit(a, BPF_JMP | BPF_JSET | BPF_K, SOCK_DGRAM, 0, 3);
        emit_load_argument(a, 0);
        emit(a, BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 0, 1);
        emit_return(a, error(ESOCKTNOSUPPORT));
        emit_answer(a, POLICY_SOCKET, number);
        break;
    case POLICY_SOCKET:
    case POLICY_SOCKETPAIR:
        emit_load_argument(a, 0);
        emit(a, BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 0, 1);
        emit_return(a, allow);
        emit_return(a, notify);
        break;
    case POLICY_CLONE: /* also refuses a thread with its own descriptor table, see locks.c */
        emit_load_argument(a, 0);
        emit(a, BPF_JMP | BPF_JSET | BPF_K, ~(uint32_t)POLICY_CLONE_FLAGS, 3, 0);
        emit(a, BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1);
        emit(a, BPF_JMP | BPF_JSET | BPF_K, CLONE_FILES, 0, 1);
        emit_return(a, allow);
        emit_return(a, notify);
        break;
    case POLICY_UNSHARE:
        emit_load_argument(a, 0);
        emit(a, BPF_JMP | BPF_JSET | BPF_K, ~(uint32_t)(CLONE_FS | CLONE_SYSVSEM), 1, 0);
        emit_return(a, allow);
        emit_return(a, notify);
        break;
    case POLICY_PERSONALITY: /* allows a query, and the ordinary personality */
        emit_load_argument(a, 0);
        emit(a, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
        emit(a, BPF_JMP | BPF_JEQ | BPF_K, 0xffffffff, 0, 1);
        emit_return(a, allow);
        emit_return(a, notify);
        break;
    case POLICY_OWN_PROCESS:
        emit_load_argument(a, 0);
        emit(a, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1);
        emit_return(a, allow);
        emit_return(a, notify);
        break;
    case POLICY_NOT_INIT_PRIORITY: /* EPERM, as the kernel answers when init has another user */
    case POLICY_NOT_INIT_IO_PRIORITY:
        emit_load_argument(a, 0);
        emit(a, BPF_JMP | BPF_JEQ | BPF_K,
             answer == POLICY_NOT_INIT_PRIORITY ? (uint32_t)PRIO_USER : IO_PRIORITY_USER, 3, 0);
        emit_load_argument(a, 1);
        emit(a, BPF_JMP | BPF_JEQ | BPF_K, 1, 1, 0);
        emit_return(a, allow);
        emit_return(a, error(EPERM));
        break;
    case POLICY_NOT_INIT:
    case POLICY_TOLD_NOT_INIT:
        emit_load_argument(a, 0);
        emit(a, BPF_JMP | BPF_JEQ | BPF_K, 1, 1, 0);
        emit_return(a, answer == POLICY_NOT_INIT ? allow : notify);
        emit_return(a, error(EPERM));
        break;
    case POLICY_OWN_PRIORITY:
        emit_load_argument(a, 0);
        emit(a, BPF_JMP | BPF_JEQ | BPF_K, PRIO_PROCESS, 0, 3);
        emit_load_argument(a, 1);
        emit(a, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1);
        emit_return(a, allow);
        emit_return(a, notify);
        break;
    case POLICY_SILENT:
        emit_return(a, error(ENOSYS));
        break;
    }
}

/* The answers that do not depend on arguments stand behind each half of the search; comparisons jump to
 * them. */
static int is_shared(enum policy_answer answer) {
    return answer <= POLICY_DENY;
}

static void add_reference(struct assembler *a, size_t at, int when_true, enum policy_answer answer) {
    if (a->reference_count == REFERENCES_MAX) {
        a->overflow = 1;
        return;
    }
    a->references[a->reference_count++] = (struct reference){at, when_true, answer};
}

static void set_jump(struct assembler *a, size_t at, int when_true, size_t target) {
    size_t distance = target - at - 1;
    if (a->overflow || distance > UINT8_MAX) { /* jt and jf are one byte */
        a->overflow = 1;
        return;
    }
    if (when_true)
        a->out[at].jt = (uint8_t)distance;
    else
        a->out[at].jf = (uint8_t)distance;
}

static void emit_shared_answers(struct assembler *a) {
    for (enum policy_answer answer = POLICY_SILENT; is_shared(answer); answer++) {
        int is_needed = 0;
        for (size_t r = 0; r < a->reference_count; r++)
            if (a->references[r].answer == answer) {
                set_jump(a, a->references[r].at, a->references[r].when_true, a->count);
                is_needed = 1;
            }
        if (is_needed)
            emit_answer(a, answer, 0);
    }
    a->reference_count = 0;
}

/* Binary search over ranges[from, to): the left half follows its comparison, the right half comes after the
 * left. */
static void emit_search(struct assembler *a, const struct range *ranges, size_t from, size_t to, int is_all) {
    if (to - from == 1) {
        emit_answer(a, ranges[from].answer, ranges[from].first);
        return;
    }
    size_t middle = from + (to - from) / 2, at = a->count;
    emit(a, BPF_JMP | BPF_JGE | BPF_K, ranges[middle].first, 0, 0);
    if (middle - from == 1 && is_shared(ranges[from].answer))
        add_reference(a, at, 0, ranges[from].answer);
    else
        emit_search(a, ranges, from, middle, 0);
    if (is_all) /* a comparison jumps at most 255 instructions ahead, so each half has its own answers */
        emit_shared_answers(a);
    if (to - middle == 1 && is_shared(ranges[middle].answer)) {
        add_reference(a, at, 1, ranges[middle].answer);
    } else {
        set_jump(a, at, 1, a->count);
        emit_search(a, ranges, middle, to, 0);
    }
}

static void add_bit(uint64_t *bits, int number) {
    bits[number / 64] |= 1ull << (number % 64);
}

/* Fills in what each notification means, where arguments do not decide that; supervisor/answer.c decides the
 * rest. */
static void read_policy(enum policy_answer answers[ISOLATE_SYSCALL_BITS], struct isolate_answers *told) {
    memset(answers, 0, ISOLATE_SYSCALL_BITS * sizeof answers[0]);
    memset(told, 0, sizeof *told);
    for (const struct policy_entry *entry = isolate_policy; entry->name != NULL; entry++) {
        int number = seccomp_syscall_resolve_name(entry->name);
        if (number < 0 || number >= ISOLATE_SYSCALL_BITS)
            continue; /* not on this architecture */
        answers[number] = entry->answer;
        if (entry->answer == POLICY_FATAL)
            add_bit(told->fatal, number);
        else if (entry->answer > POLICY_ALLOW && entry->answer != POLICY_TOLD)
            add_bit(told->harmless, number);
    }
}

static void change(enum policy_answer answers[ISOLATE_SYSCALL_BITS], const char *name,
                   enum policy_answer answer) {
    int number = seccomp_syscall_resolve_name(name);
    if (number >= 0 && number < ISOLATE_SYSCALL_BITS)
        answers[number] = answer;
}

/* Restricts calls where the program shares its user or its file tree with the host. None of these refusals
 * ends a run. */
static void apply_variant(enum policy_answer answers[ISOLATE_SYSCALL_BITS], uint32_t variant) {
    static const char *const by_process[] = {"prlimit64", "sched_setparam", "sched_setscheduler",
                                             "sched_setattr"};
    static const char *const signals[] = {"kill", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo",
                                          "pidfd_send_signal"};
    /* The host's sockets are in reach here, and System V objects outlive the run and have numbers that are
     * easily guessed. */
    static const char *const shared[] = {"connect", "shmget", "shmat",      "shmctl", "semget", "semop",
                                         "semctl",  "msgget", "semtimedop", "msgsnd", "msgrcv", "msgctl"};
    static const char *const flushing[] = {"fsync", "fdatasync"};
    if (variant & ISOLATE_FILTER_SHARED_USER) {
        for (size_t i = 0; i < sizeof by_process / sizeof by_process[0]; i++)
            change(answers, by_process[i], POLICY_OWN_PROCESS);
        change(answers, "setpriority", POLICY_OWN_PRIORITY);
        change(answers, "ioprio_set", POLICY_DENY);
    }
    if (variant & ISOLATE_FILTER_SHARED_INIT) {
        for (size_t i = 0; i < sizeof by_process / sizeof by_process[0]; i++)
            change(answers, by_process[i], POLICY_NOT_INIT);
        change(answers, "sched_setaffinity", POLICY_TOLD_NOT_INIT);
        change(answers, "setpriority", POLICY_NOT_INIT_PRIORITY);
        change(answers, "ioprio_set", POLICY_NOT_INIT_IO_PRIORITY);
    }
    if (variant & ISOLATE_FILTER_NO_SIGNALS)
        /* Not tgkill, since abort() needs it; the report lists this gap. */
        for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
            change(answers, signals[i], POLICY_DENY);
    if (variant & ISOLATE_FILTER_LOOPBACK)
        change(answers, "socket", POLICY_LOOPBACK_SOCKET);
    if (variant & ISOLATE_FILTER_HOST_TREE) {
        for (size_t i = 0; i < sizeof shared / sizeof shared[0]; i++)
            change(answers, shared[i], POLICY_DENY);
        change(answers, "socket", POLICY_STREAM_SOCKET);
        change(answers, "socketpair", POLICY_STREAM_SOCKETPAIR);
    }
    if (variant & ISOLATE_FILTER_HOST_DISK)
        for (size_t i = 0; i < sizeof flushing / sizeof flushing[0]; i++)
            change(answers, flushing[i], POLICY_IGNORE);
}

int isolate_filter_compile(uint32_t variant, struct isolate_filter_instruction *out, size_t most,
                           struct isolate_answers *told) {
    enum policy_answer answers[ISOLATE_SYSCALL_BITS];
    struct range ranges[RANGES_MAX];
    size_t count = 0;
    struct assembler a = {.out = out, .most = most, .variant = variant};
    read_policy(answers, told);
    apply_variant(answers, variant);
    for (uint32_t number = 0; number < ISOLATE_SYSCALL_BITS; number++) {
        enum policy_answer answer = answers[number] == POLICY_FATAL ? POLICY_DENY : answers[number];
        if (count > 0 && ranges[count - 1].answer == answer && answer != POLICY_BY_ARGUMENT)
            continue;
        if (count == RANGES_MAX)
            return -E2BIG;
        ranges[count++] = (struct range){number, answer};
    }
    emit_load(&a, offsetof(struct seccomp_data, arch));
    emit(&a, BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0);
    emit_return(&a, notify); /* 32-bit entry */
    emit_load(&a, offsetof(struct seccomp_data, nr));
#if defined(__x86_64__)
    emit(&a, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
    emit_return(&a, notify);
#endif
    emit_search(&a, ranges, 0, count, 1);
    emit_shared_answers(&a);
    return a.overflow ? -E2BIG : (int)a.count;
}

const char *isolate_policy_name(unsigned index) {
    return isolate_policy[index].name;
}

char isolate_policy_answer(const char *name) {
    for (const struct policy_entry *entry = isolate_policy; entry->name != NULL; entry++)
        if (strcmp(entry->name, name) == 0)
            switch (entry->answer) {
            case POLICY_ALLOW:
                return 'a';
            case POLICY_DENY:
                return 'd';
            case POLICY_TOLD:
                return 't';
            case POLICY_FATAL:
                return 'f';
            case POLICY_SILENT:
                return 's';
            case POLICY_IGNORE:
                return 'i';
            case POLICY_UNSUPPORTED:
                return 'u';
            case POLICY_INVALID:
                return 'v';
            default:
                return 'c';
            }
    return 's';
}
