/*
 * What only a tracer can tell apart: a stack overflow from a null pointer, a refused write from a raised
 * SIGXFSZ.
 *
 * The program's first thread is seized before exec. The kernel then stops it when a signal is about to be
 * delivered and when it exits, nowhere else: a program without signals runs at full speed. The
 * tracer sees even the signals that the program ignores, and passes each on as it was. Other threads and
 * processes are not traced.
 */
#include <linux/elf.h>
#include <linux/ptrace.h>

#include "supervisor.h"
#include "text.h"

enum { SI_KERNEL_SEGV_MAPERR = 1, SI_KERNEL_SEGV_ACCERR = 2, EFBIG_RESULT = -27 };
#define REACH_ABOVE_STACK_POINTER ((uint64_t)64 << 20)
#define REACH_BELOW_STACK_POINTER ((uint64_t)64 << 10)

/* The part of siginfo_t that we read; the kernel writes 128 bytes. */
struct signal_info {
    int32_t number, error, code, padding;
    uint64_t address;
    uint8_t rest[104];
};

struct registers {
    uint64_t stack_pointer;
    int64_t syscall_result;
};

int trace_attach(int pid) {
    return (int)SYS_CALL_4(__NR_ptrace, PTRACE_SEIZE, pid, 0, PTRACE_O_EXITKILL | PTRACE_O_TRACEEXIT);
}

static int read_registers(int pid, struct registers *out) {
    uint64_t set[40] = {0}; /* x86_64: 27 words; aarch64: 34 */
    struct sys_iovec vector = {set, sizeof set};
    long result = SYS_CALL_4(__NR_ptrace, PTRACE_GETREGSET, pid, NT_PRSTATUS, &vector);
#if defined(__x86_64__)
    out->stack_pointer = set[19];
    out->syscall_result = (int64_t)set[10];
#elif defined(__aarch64__)
    out->stack_pointer = set[31];
    out->syscall_result = (int64_t)set[0];
#endif
    return (int)result;
}

static int open_of(const struct slot *slot, int entry, const char *file) {
    char path[64], number[24];
    text_number(number, (uint64_t)entry);
    const char *parts[] = {number, file, 0};
    int result = text_join(path, sizeof path, parts);
    return result < 0 ? result : sys_openat(slot->proc, path, O_RDONLY, 0);
}

static uint64_t parse_hex(const char **text) {
    uint64_t number = 0;
    for (;; (*text)++) {
        char c = **text;
        if (c >= '0' && c <= '9')
            number = number * 16 + (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            number = number * 16 + (uint64_t)(c - 'a' + 10);
        else
            return number;
    }
}

static int ends_with(const char *line, size_t length, const char *suffix) {
    size_t n = text_length(suffix);
    if (n > length)
        return 0;
    for (size_t i = 0; i < n; i++)
        if (line[length - n + i] != suffix[i])
            return 0;
    return 1;
}

/* Finds the first thread's stack in /proc/PID/maps. */
static int find_stack(const struct slot *slot, int entry, uint64_t *start, uint64_t *end) {
    credentials_begin_look(slot);
    int CLEANUP_CLOSE maps = open_of(slot, entry, "/maps");
    credentials_end_look(slot);
    char line[512], buffer[1024];
    size_t length = 0;
    long n;
    while (maps >= 0 && (n = sys_read(maps, buffer, sizeof buffer)) > 0)
        for (long i = 0; i < n; i++) {
            if (buffer[i] != '\n') {
                if (length < sizeof line - 1)
                    line[length++] = buffer[i];
                continue;
            }
            line[length] = 0;
            if (ends_with(line, length, "[stack]")) {
                const char *p = line;
                *start = parse_hex(&p);
                p += *p == '-';
                *end = parse_hex(&p);
                return 1;
            }
            length = 0;
        }
    return 0;
}

/* The limit as it is now: one that the program lowered itself is its own affair. prlimit would want a right
 * over another user's process that a container's root may lack; the file is everybody's. */
static int limit_is_ours(const struct slot *slot, int pid, const char *name, uint64_t ours) {
    char text[2048];
    int CLEANUP_CLOSE file = open_of(slot, members_entry(slot, pid), "/limits");
    return file >= 0 && text_read(file, text, sizeof text) > 0 && text_find(text, name, ~0ull) == ours;
}

/* The fault lies below the stack, near the stack pointer, and growing the stack there would pass its limit.
 */
static int is_stack_overflow(const struct slot *slot, int pid, uint64_t limit) {
    struct signal_info info = {0};
    struct registers registers = {0};
    uint64_t start = 0, end = 0;
    if (SYS_CALL_4(__NR_ptrace, PTRACE_GETSIGINFO, pid, 0, &info) < 0 ||
        (info.code != SI_KERNEL_SEGV_MAPERR && info.code != SI_KERNEL_SEGV_ACCERR) ||
        read_registers(pid, &registers) < 0 || !find_stack(slot, members_entry(slot, pid), &start, &end))
        return 0;
    uint64_t at = info.address, sp = registers.stack_pointer;
    /* The kernel keeps a guard gap of 1 MiB below the stack, so a limit can be met that much earlier. */
    uint64_t guard = 1 << 20, floor = end > limit ? end - limit + guard : 0;
    return at < start && at <= floor && at + REACH_BELOW_STACK_POINTER >= sp &&
           at <= sp + REACH_ABOVE_STACK_POINTER;
}

/* A raised SIGXFSZ leaves the result of kill in the register, a real one the write's EFBIG. */
static int is_refused_write(int pid) {
    struct registers registers = {0};
    return read_registers(pid, &registers) == 0 && registers.syscall_result == EFBIG_RESULT;
}

/* How many descriptors a process has open; counts no further than `most`. */
static uint64_t count_descriptors(const struct slot *slot, int entry, uint64_t most) {
    struct sys_entries entries;
    int CLEANUP_CLOSE dir = open_of(slot, entry, "/fd");
    uint64_t count = 0;
    sys_begin_entries(&entries, dir);
    while (dir >= 0 && count < most && sys_next_entry(&entries) != 0)
        count++;
    return count;
}

/* The last permitted number is taken, and so are all below it: one more was, or would be, refused. */
static int descriptors_are_used_up(const struct slot *slot, int pid, uint64_t limit) {
    char path[80], number[24], last[24], target[8];
    int entry = members_entry(slot, pid);
    text_number(number, (uint64_t)entry);
    text_number(last, limit - 1);
    const char *parts[] = {number, "/fd/", last, 0};
    if (limit == 0 || text_join(path, sizeof path, parts) < 0)
        return 0;
    credentials_begin_look(slot);
    int are_used = SYS_CALL_4(__NR_readlinkat, slot->proc, path, target, sizeof target) > 0 &&
                   count_descriptors(slot, entry, limit) >= limit;
    credentials_end_look(slot);
    return are_used;
}

void trace_handle_stop(struct slot *slot, int status, const struct isolate_limits *limits,
                       struct trace_evidence *evidence) {
    int pid = slot->program_pid, signal = (status >> 8) & 0xff, event = status >> 16;
    int request = PTRACE_CONT, deliver = 0;
    if (event == PTRACE_EVENT_EXIT) {
        if (descriptors_are_used_up(slot, pid, limits->open_files))
            evidence->open_files = 1;
    } else if (event == PTRACE_EVENT_STOP) {
        /* A group stop: it stays stopped until SIGCONT, as it would without us. */
        if (signal == SYS_SIGSTOP || signal == SYS_SIGTSTP || signal == SYS_SIGTTIN || signal == SYS_SIGTTOU)
            request = PTRACE_LISTEN;
    } else {
        deliver = signal;
        if (signal == SYS_SIGSEGV && limit_is_ours(slot, pid, "Max stack size", limits->stack_bytes) &&
            is_stack_overflow(slot, pid, limits->stack_bytes))
            evidence->stack_overflow = 1;
        else if (signal == SYS_SIGXFSZ &&
                 limit_is_ours(slot, pid, "Max file size", limits->file_size_bytes) && is_refused_write(pid))
            evidence->file_size = 1;
    }
    SYS_CALL_4(__NR_ptrace, request, pid, 0, deliver);
}
