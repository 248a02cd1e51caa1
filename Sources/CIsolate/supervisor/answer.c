/* What a refused system call gets, where the filter cannot say it in a number: by its arguments. Pure. */
#include "answer.h"

#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/sched.h>

enum { FAMILY_INET = 2, FAMILY_INET6 = 10, FAMILY_NETLINK = 16, TYPE_RAW = 3, TYPE_BITS = 15 };

#define NAMESPACE_FLAGS                                                                                      \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |            \
     CLONE_NEWNET)

static const struct answer fatal = {ANSWER_FATAL, EPERM};

/* Libraries look for IPv6, for interfaces, for a name server, and do without. Raw and packet sockets, and
 * families that nobody has by chance, are no such look. */
static struct answer answer_to_socket(const struct seccomp_data *data, int is_pair) {
    uint32_t family = (uint32_t)data->args[0], type = (uint32_t)data->args[1] & TYPE_BITS;
    int is_internet = family == FAMILY_INET || family == FAMILY_INET6;
    if (family == FAMILY_NETLINK || (is_internet && type != TYPE_RAW))
        return (struct answer){ANSWER_HARMLESS, is_pair && is_internet ? EOPNOTSUPP : EAFNOSUPPORT};
    return fatal;
}

/* CLONE_PARENT and CLONE_PTRACE would make the child somebody else's; nothing but an attack asks for them,
 * nor for namespaces. Any other flag is one that we do not know yet. */
static struct answer answer_to_clone(const struct seccomp_data *data) {
    if ((uint32_t)data->args[0] & (NAMESPACE_FLAGS | CLONE_PARENT | CLONE_PTRACE))
        return fatal;
    return (struct answer){ANSWER_HARMLESS, EINVAL};
}

static int contains(const uint64_t *bits, uint32_t number) {
    return (bits[number / 64] >> (number % 64)) & 1;
}

struct answer answer_to(const struct isolate_answers *told, const struct seccomp_data *data) {
#if defined(__x86_64__)
    const uint32_t native = 0xc000003e;
#else
    const uint32_t native = 0xc00000b7;
#endif
    uint32_t number = (uint32_t)data->nr;
    if (data->arch != native || number >= ISOLATE_SYSCALL_BITS)
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

int answer_ends_run(struct answer answer, uint32_t flags) {
    if (flags & ISOLATE_RUN_DENY_BLOCKED)
        return 0;
    return answer.kind == ANSWER_FATAL ||
           (answer.kind == ANSWER_HARMLESS && (flags & ISOLATE_RUN_END_HARMLESS) != 0);
}
