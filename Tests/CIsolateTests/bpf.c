/* Classic BPF over struct seccomp_data: the few instructions that seccomp filters use. */
#include "bpf.h"

#include <string.h>

#include "test.h"

static uint32_t load(const struct seccomp_data *data, uint32_t offset) {
    uint32_t word;
    memcpy(&word, (const char *)data + offset, sizeof word);
    return word;
}

static int compares(uint16_t code, uint32_t a, uint32_t k) {
    switch (BPF_OP(code)) {
    case BPF_JEQ:
        return a == k;
    case BPF_JGT:
        return a > k;
    case BPF_JGE:
        return a >= k;
    default:
        return (a & k) != 0; /* BPF_JSET */
    }
}

uint32_t bpf_run(const struct sock_filter *program, size_t count, const struct seccomp_data *data) {
    uint32_t a = 0;
    for (size_t at = 0; at < count; at++) {
        const struct sock_filter *i = &program[at];
        switch (BPF_CLASS(i->code)) {
        case BPF_LD:
            a = load(data, i->k);
            break;
        case BPF_ALU:
            a &= i->k;
            break;
        case BPF_JMP:
            if (BPF_OP(i->code) == BPF_JA)
                at += i->k;
            else
                at += compares(i->code, a, i->k) ? i->jt : i->jf;
            break;
        default:
            return i->k; /* BPF_RET */
        }
    }
    test_fail(__FILE__, __LINE__, "the filter ran past its end");
}

const char *bpf_check(const struct sock_filter *program, size_t count) {
    if (count == 0 || count > BPF_MAXINSNS)
        return "its length";
    for (size_t at = 0; at < count; at++) {
        const struct sock_filter *i = &program[at];
        size_t left = count - at - 1; /* instructions after this one: a jump of left - 1 reaches the last */
        switch (i->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            if (i->k % 4 != 0 || i->k >= sizeof(struct seccomp_data))
                return "a load outside the data";
            break;
        case BPF_ALU | BPF_AND | BPF_K:
            break;
        case BPF_JMP | BPF_JA:
            if (i->k >= left)
                return "a jump out of range";
            break;
        case BPF_JMP | BPF_JEQ | BPF_K:
        case BPF_JMP | BPF_JGT | BPF_K:
        case BPF_JMP | BPF_JGE | BPF_K:
        case BPF_JMP | BPF_JSET | BPF_K:
            if (i->jt >= left || i->jf >= left)
                return "a conditional jump out of range";
            break;
        case BPF_RET | BPF_K:
            break;
        default:
            return "an unknown instruction";
        }
    }
    /* Jumps only go forward, so a path can end only at a return or beyond the program. */
    return BPF_CLASS(program[count - 1].code) == BPF_RET ? NULL : "a last instruction that is no return";
}
