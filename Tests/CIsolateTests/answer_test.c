/* The answer to a refused call, by its arguments, for each of the caller's three choices. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/socket.h>

#include "answer.h"
#include "isolate.h"
#include "test.h"

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#else
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#endif

static struct isolate_answers told(void) {
    struct isolate_filter_instruction filter[ISOLATE_FILTER_MAX];
    struct isolate_answers answers;
    CHECK(isolate_filter_compile(ISOLATE_FILTER_SHARED_USER, filter, ISOLATE_FILTER_MAX, &answers) > 0);
    return answers;
}

TEST(answers_by_arguments) {
    static const struct {
        const char *name;
        uint64_t args[3];
        enum answer_kind kind;
        int error;
    } calls[] = {
        {"socket", {AF_INET, SOCK_STREAM}, ANSWER_HARMLESS, EAFNOSUPPORT},
        {"socket", {AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC}, ANSWER_HARMLESS, EAFNOSUPPORT},
        {"socket", {AF_NETLINK, SOCK_RAW}, ANSWER_HARMLESS, EAFNOSUPPORT},
        {"socket", {AF_NETLINK | 0xabcd00000000ull, SOCK_RAW}, ANSWER_HARMLESS, EAFNOSUPPORT},
        {"socketpair", {AF_INET, SOCK_STREAM}, ANSWER_HARMLESS, EOPNOTSUPP},
        {"socket", {AF_INET, SOCK_RAW, 1}, ANSWER_FATAL, EPERM},
        {"socket", {AF_INET6, SOCK_RAW | SOCK_NONBLOCK, 58}, ANSWER_FATAL, EPERM},
        {"socket", {AF_PACKET, SOCK_DGRAM}, ANSWER_FATAL, EPERM},
        {"socket", {AF_VSOCK, SOCK_STREAM}, ANSWER_FATAL, EPERM},
        {"socket", {AF_ALG, SOCK_SEQPACKET}, ANSWER_FATAL, EPERM},
        {"clone", {CLONE_NEWUSER | 17}, ANSWER_FATAL, EPERM},
        {"clone", {CLONE_PTRACE | 17}, ANSWER_FATAL, EPERM},
        {"clone", {CLONE_PARENT | 17}, ANSWER_FATAL, EPERM},
        {"unshare", {CLONE_NEWNS}, ANSWER_FATAL, EPERM},
        {"unshare", {CLONE_FILES | CLONE_NEWNS}, ANSWER_FATAL, EPERM},
        {"ptrace", {16, 1}, ANSWER_HARMLESS, EPERM},
        {"personality", {0x40000}, ANSWER_HARMLESS, EPERM},
        {"ioctl", {0, 0x5412}, ANSWER_HARMLESS, EPERM},
        {"syslog", {3}, ANSWER_HARMLESS, EPERM},
        {"mount", {0}, ANSWER_FATAL, EPERM},
        {"process_vm_readv", {1}, ANSWER_FATAL, EPERM},
        /* Refused by a variant only: no choice ends the run for it. */
        {"prlimit64", {4711}, ANSWER_DENIED, EPERM},
    };
    struct isolate_answers answers = told();
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        struct seccomp_data data = {.nr = seccomp_syscall_resolve_name(calls[i].name), .arch = NATIVE_ARCH};
        memcpy(data.args, calls[i].args, sizeof calls[i].args);
        test_context("%s %llx %llx", calls[i].name, (unsigned long long)data.args[0],
                     (unsigned long long)data.args[1]);
        struct answer answer = answer_to(&answers, &data);
        CHECK_EQUAL(answer.kind, calls[i].kind);
        CHECK_EQUAL(answer.error, calls[i].error);
        CHECK_EQUAL(answer_ends_run(answer, 0), answer.kind == ANSWER_FATAL);
        CHECK_EQUAL(answer_ends_run(answer, ISOLATE_RUN_END_HARMLESS), answer.kind != ANSWER_DENIED);
        CHECK_EQUAL(answer_ends_run(answer, ISOLATE_RUN_DENY_BLOCKED), 0);
    }
}

TEST(answers_calls_that_are_only_told) {
    static const struct {
        int number;
        uint64_t first, second;
        enum told_call expected;
    } calls[] = {
        {__NR_fcntl, 3, F_SETLK, LOCK_OF_PROCESS},
        {__NR_fcntl, 3, F_SETLKW, LOCK_OF_PROCESS},
        {__NR_fcntl, 3, 37 /* F_OFD_SETLK */, LOCK_OF_FILE},
        {__NR_fcntl, 3, 38 /* F_OFD_SETLKW */, LOCK_OF_FILE},
        {__NR_close_range, 3, ~0u, OWN_TABLE},
        {__NR_unshare, CLONE_FILES, 0, OWN_TABLE},
        {__NR_unshare, CLONE_FILES | CLONE_FS | CLONE_SYSVSEM, 0, OWN_TABLE},
        {__NR_unshare, CLONE_FILES | CLONE_NEWNS, 0, NOT_MERELY_TOLD},
        {__NR_socket, 2, 1, NOT_MERELY_TOLD},
        {__NR_mount, 0, 0, NOT_MERELY_TOLD},
        {__NR_sched_setaffinity, 0, 8, CHOICE_OF_PROCESSORS},
    };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        struct seccomp_data data = {
            .nr = calls[i].number, .arch = NATIVE_ARCH, .args = {calls[i].first, calls[i].second}};
        test_context("call %d, %llx", calls[i].number, (unsigned long long)calls[i].first);
        CHECK_EQUAL(answer_is_told(&data, 0), calls[i].expected);
        CHECK_EQUAL(answer_is_told(&data, 1), calls[i].expected);
        data.arch = AUDIT_ARCH_I386;
        CHECK_EQUAL(answer_is_told(&data, 0), NOT_MERELY_TOLD);
    }
}

/* Where other processes have the program's user id, the kernel would let it choose for them. */
TEST(answers_choices_of_processors) {
    static const uint64_t others[] = {1, 4711, 0xffffffff};
    struct seccomp_data data = {.nr = __NR_sched_setaffinity, .arch = NATIVE_ARCH};
    struct isolate_answers answers = told();
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        data.args[0] = others[i];
        CHECK_EQUAL(answer_is_told(&data, 0), CHOICE_OF_PROCESSORS);
        CHECK_EQUAL(answer_is_told(&data, 1), NOT_MERELY_TOLD);
    }
    struct answer answer = answer_to(&answers, &data);
    CHECK_EQUAL(answer.kind, ANSWER_DENIED);
    CHECK_EQUAL(answer.error, EPERM);
}

TEST(answers_to_foreign_calls) {
    struct isolate_answers answers = told();
    static const struct seccomp_data foreign[] = {
        {.nr = 20, .arch = AUDIT_ARCH_I386},
        {.nr = 0x40000000 | 39, .arch = NATIVE_ARCH},
        {.nr = -1, .arch = NATIVE_ARCH},
        {.nr = ISOLATE_SYSCALL_BITS, .arch = NATIVE_ARCH},
    };
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        CHECK_EQUAL(answer_to(&answers, &foreign[i]).kind, ANSWER_FATAL);
}
