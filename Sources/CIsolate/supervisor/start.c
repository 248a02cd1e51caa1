/* The executable's entry: without a libc, its first instruction is here. With an argument it is a container's
 * agent. */
#include "agent/agent.h"
#include "process/supervisor.h"

void __attribute__((noreturn, used)) supervisor_entry(const long *stack) {
    if (stack[0] > 1) /* argc */
        agent_main();
    supervisor_main();
}

#if defined(__x86_64__)
/* At entry the kernel has the stack aligned to 16 bytes; the call instruction keeps the ABI's alignment for
 * the callee. */
__asm__(".globl _start\n.type _start,@function\n_start:\n xor %ebp,%ebp\n mov %rsp,%rdi\n call "
        "supervisor_entry\n hlt\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n.type _start,%function\n_start:\n mov x29,#0\n mov x30,#0\n mov x0,sp\n b "
        "supervisor_entry\n");
#endif
