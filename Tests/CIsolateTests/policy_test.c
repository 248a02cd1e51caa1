/* The policy's own list, and the names of system calls. */
#include <linux/audit.h>
#include <seccomp.h>
#include <string.h>

#include "isolate.h"
#include "policy.h"
#include "test.h"

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#else
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#endif

enum { X32 = 0x40000000 };

/* No name occurs twice, and none is misspelt: the compiler skips an unknown name silently. */
TEST(filter_policy_has_no_slips) {
    int known = 0;
    for (const struct policy_entry *entry = isolate_policy; entry->name != NULL; entry++) {
        test_context("%s", entry->name);
        for (const struct policy_entry *other = entry + 1; other->name != NULL; other++)
            CHECK(strcmp(entry->name, other->name) != 0);
        /* Negative pseudo-numbers stand for calls of other architectures. */
        CHECK(seccomp_syscall_resolve_name(entry->name) != __NR_SCMP_ERROR);
        known++;
    }
    test_context("%s", "");
    CHECK(known > 300);
    CHECK_EQUAL(isolate_policy_answer("no_such_call"), 's');
    CHECK_EQUAL(isolate_policy_answer("clone3"), 's');
    CHECK_EQUAL(isolate_policy_answer("clone"), 'c');
}

TEST(filter_names_calls) {
    static const struct {
        uint32_t arch, number;
        const char *name;
    } calls[] = {
        {NATIVE_ARCH, 1023, "syscall_1023"},
#if defined(__x86_64__)
        {AUDIT_ARCH_X86_64, 41, "socket"},
        {AUDIT_ARCH_I386, 20, "i386:getpid"},
        {AUDIT_ARCH_X86_64, X32 | 39, "x32:getpid"},
        {AUDIT_ARCH_I386, 1000000, "i386:syscall_1000000"},
        {AUDIT_ARCH_X86_64, X32 | 1000, "x32:syscall_1000"},
#endif
    };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        char name[64], small[4];
        struct isolate_syscall call = {calls[i].arch, calls[i].number};
        isolate_syscall_name(call, name, sizeof name);
        CHECK_TEXT(name, calls[i].name);
        isolate_syscall_name(call, small, sizeof small);
        CHECK_EQUAL(strlen(small), 3);
    }
}
