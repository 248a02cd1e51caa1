/* What differs between architectures: a thread's registers, and the entry of an executable. */
#ifndef SNAPSHOT_CONTEXT_H
#define SNAPSHOT_CONTEXT_H

#include <linux/auxvec.h>
#include <linux/elf.h>
#include <stdint.h>

#include "sys.h"

#if defined(__x86_64__)

#include <asm/prctl.h>

enum { CONTEXT_MACHINE = EM_X86_64, CONTEXT_RSEQ_SIGNATURE = 0x53053053 };

/* The registers that a called function keeps, and the thread's pointer. */
struct context {
    uint64_t rbx, rbp, r12, r13, r14, r15, rsp, rip, thread;
};

/* Fills in the registers and returns 0; returns 1 after context_resume(). */
int context_save(struct context *context) __attribute__((returns_twice));
__attribute__((noreturn)) void context_resume(const struct context *context);

static inline uint64_t context_stack_pointer(const struct context *context) {
    return context->rsp;
}

static inline void context_save_thread(struct context *context) {
    SYS_CALL_2(__NR_arch_prctl, ARCH_GET_FS, &context->thread);
}

static inline void context_restore_thread(const struct context *context) {
    SYS_CALL_2(__NR_arch_prctl, ARCH_SET_FS, context->thread);
}

#define CONTEXT_IS_KNOWN 1

#else

/* Interpreters are not warm here: snapshot_take() fails with ENOSYS. */
enum { CONTEXT_MACHINE = EM_NONE, CONTEXT_RSEQ_SIGNATURE = 0 };
struct context {
    uint64_t thread;
};

#define CONTEXT_IS_KNOWN 0

#endif

#endif
