/* Which answer a refused system call gets by its arguments, where the filter cannot decide by the number
 * alone. Pure. */
#include "answer.h"

#include <asm/unistd.h>
#include <linux/audit.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/sched.h>

enum { FAMILY_INET = 2, FAMILY_INET6 = 10, FAMILY_NETLINK = 16, TYPE_RAW = 3, TYPE_BITS = 15 };

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#else
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#endif

#define NAMESPACE_FLAGS                                                                                      \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |            \
     CLONE_NEWNET)

static const struct answer fatal = {ANSWER_FATAL, EPERM};

/* Libraries look for IPv6, for interfaces, for a name server, and do without. Raw and packet sockets, and
 * rarely used families, are not part of that. */
static struct answer answer_to_socket(const struct seccomp_data *data, int is_pair) {
    uint32_t family = (uint32_t)data->args[0], type = (uint32_t)data->args[1] & TYPE_BITS;
    int is_internet = family == FAMILY_INET || family == FAMILY_INET6;
    if (family == FAMILY_NETLINK || (is_internet && type != TYPE_RAW))
        return (struct answer){ANSWER_HARMLESS, is_pair && is_internet ? EOPNOTSUPP : EAFNOSUPPORT};
    return fatal;
}

/* CLONE_PARENT and CLONE_PTRACE would give the child another parent or tracer; only an attack uses them, or
 * namespaces. Any other refused flag is newer than this list, so it gets an ordinary error. */
static struct answer answer_to_clone(const struct seccomp_data *data) {
    if ((uint32_t)data->args[0] & (NAMESPACE_FLAGS | CLONE_PARENT | CLONE_PTRACE))
        return fatal;
    return (struct answer){ANSWER_HARMLESS, EINVAL};
}

static int contains(const uint64_t *bits, uint32_t number) {
    return (bits[number / 64] >> (number % 64)) & 1;
}

struct answer answer_to(const struct isolate_answers *told, const struct seccomp_data *data) {
    uint32_t number = (uint32_t)data->nr;
    if (data->arch != NATIVE_ARCH || number >= ISOLATE_SYSCALL_BITS)
        return fatal; /* another calling convention */
    switch (number) {
    case __NR_socket:
    case __NR_socketpair:
        return answer_to_socket(data, number == __NR_socketpair);
    case __NR_clone:
        return answer_to_clone(data);
    case __NR_unshare:
        return fatal;
    default:
        break;
    }
    if (contains(told->fatal, number))
        return fatal;
    return (struct answer){contains(told->harmless, number) ? ANSWER_HARMLESS : ANSWER_DENIED, EPERM};
}

enum told_call answer_is_told(const struct seccomp_data *data, int shares_user) {
    uint32_t first = (uint32_t)data->args[0], second = (uint32_t)data->args[1];
    if (data->arch != NATIVE_ARCH)
        return NOT_MERELY_TOLD;
    switch (data->nr) {
    case __NR_fcntl:
        return second == F_OFD_SETLK || second == F_OFD_SETLKW ? LOCK_OF_FILE : LOCK_OF_PROCESS;
    case __NR_close_range:
        return OWN_TABLE;
    case __NR_sched_setaffinity:
        return shares_user && first != 0 ? NOT_MERELY_TOLD : CHOICE_OF_PROCESSORS;
    case __NR_unshare:
        return (first & ~(uint32_t)(CLONE_FS | CLONE_SYSVSEM | CLONE_FILES)) == 0 ? OWN_TABLE
                                                                                  : NOT_MERELY_TOLD;
    default:
        return NOT_MERELY_TOLD;
    }
}

int answer_ends_run(struct answer answer, uint32_t flags) {
    if (flags & ISOLATE_RUN_DENY_BLOCKED)
        return 0;
    return answer.kind == ANSWER_FATAL ||
           (answer.kind == ANSWER_HARMLESS && (flags & ISOLATE_RUN_END_HARMLESS) != 0);
}

void answer_note_denied(struct isolate_run_record *record, struct isolate_syscall call) {
    for (uint32_t i = 0; i < record->denied_count; i++)
        if (record->denied[i].number == call.number && record->denied[i].arch == call.arch)
            return;
    if (record->denied_count < ISOLATE_DENIED_MAX)
        record->denied[record->denied_count++] = call;
}
