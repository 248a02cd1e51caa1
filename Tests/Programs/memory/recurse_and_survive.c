// Recurses until the stack ends, handles the fault on an alternate stack and exits with 0.
#include <signal.h>
#include <unistd.h>

static char other_stack[65536];

static void handle(int number) {
    (void)number;
    _exit(0);
}

static int deeper(volatile char *above, unsigned long depth) {
    volatile char frame[1024];
    frame[depth % sizeof frame] = above[0] + 1;
    if (depth == ~0ul)
        return 0;
    return deeper(frame, depth + 1) + frame[depth % sizeof frame];
}

int main(void) {
    stack_t stack = {.ss_sp = other_stack, .ss_size = sizeof other_stack};
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_ONSTACK};
    if (sigaltstack(&stack, NULL) != 0 || sigaction(SIGSEGV, &action, NULL) != 0)
        return 99;
    volatile char first[1] = {0};
    return deeper(first, 0) & 1;
}
