/*
 * Evidence that only a tracer has: it distinguishes a stack overflow from a null pointer, and a refused write
 * from a raised SIGXFSZ.
 *
 * The slot seizes the program's first thread before exec. The kernel then stops that thread only before it
 * delivers a signal and when it exits: a program without signals runs at full speed. The tracer sees signals
 * that the program ignores, too, and passes each on unchanged. Other threads and processes are not traced.
 */
#include "process/trace.h"

#include <asm/siginfo.h>
#include <asm/stat.h>
#include <asm/statfs.h>
#include <linux/elf.h>
#include <linux/magic.h>
#include <linux/ptrace.h>

#include "accounting/processes.h"
#include "credentials.h"
#include "slot_state.h"
#include "sys.h"
#include "text.h"

#define REACH_ABOVE_STACK_POINTER ((uint64_t)64 << 20)
#define REACH_OF_AN_ARRAY ((uint64_t)16 << 30)
#define GUARD_GAP ((uint64_t)1 << 20)
#define REACH_BELOW_STACK_POINTER ((uint64_t)64 << 10)

/* The part of siginfo_t that is read here; the kernel writes 128 bytes. */
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
    /* Indexes in struct user_regs_struct of x86_64 (27 words) and struct user_pt_regs of aarch64 (34). */
    enum { X86_RAX = 10, X86_RSP = 19, ARM_X0 = 0, ARM_SP = 31, WORDS_MOST = 40 };
    uint64_t set[WORDS_MOST] = {0};
    struct sys_iovec vector = {set, sizeof set};
    long result = SYS_CALL_4(__NR_ptrace, PTRACE_GETREGSET, pid, NT_PRSTATUS, &vector);
#if defined(__x86_64__)
    out->stack_pointer = set[X86_RSP];
    out->syscall_result = (int64_t)set[X86_RAX];
#elif defined(__aarch64__)
    out->stack_pointer = set[ARM_SP];
    out->syscall_result = (int64_t)set[ARM_X0];
#endif
    return (int)result;
}

static long read_of(const struct slot *slot, int entry, const char *file, char *text, size_t bytes) {
    credentials_begin_look(slot);
    long n = processes_read(slot, entry, file, text, bytes);
    credentials_end_look(slot);
    return n;
}

/* Where the first thread's stack begins, or a little below; 0 when unknown. Does not read `maps`: the program
 * can make that file arbitrarily long and hold the lock that its reader waits for, and meanwhile the slot
 * would watch no clock. */
static uint64_t top_of_stack(const struct slot *slot, int entry) {
    enum { START_OF_STACK = 28, END_OF_ENVIRONMENT = 51 };
    char text[1024];
    if (read_of(slot, entry, "stat", text, sizeof text) <= 0)
        return 0;
    uint64_t start = text_stat_field(text, START_OF_STACK), end = text_stat_field(text, END_OF_ENVIRONMENT);
    return start > end ? start : end;
}

/* The size of all mappings that grow as stacks do. A program that inflates it forges a limit that it met,
 * instead of a signal: it gains nothing. */
static uint64_t bytes_of_stacks(const struct slot *slot, int entry) {
    char text[2048];
    return read_of(slot, entry, "status", text, sizeof text) <= 0 ? 0 : text_find(text, "VmStk:", 0) * 1024;
}

/* The current soft limit; ~0 when there is none or it is unknown. Reads the file, which every user may read:
 * prlimit needs a capability over another user's process that a container's root may lack. */
static uint64_t limit_in_force(const struct slot *slot, int pid, const char *name) {
    char text[2048];
    if (read_of(slot, processes_entry(slot, pid), "limits", text, sizeof text) <= 0)
        return ~0ull;
    uint64_t limit = text_find(text, name, ~0ull);
    return limit == 0 && text_contains_after(text, name, "unlimited") ? ~0ull : limit;
}

/* A limit that the program lowered itself does not count as the run's. */
static int limit_is_ours(const struct slot *slot, int pid, const char *name, uint64_t ours) {
    return limit_in_force(slot, pid, name) == ours;
}

/* Whether the fault lies where the stack would have to grow past its limit. A large array moves the stack
 * pointer by its whole size at once, and the program may touch it anywhere. */
static int is_stack_overflow(const struct slot *slot, int pid, uint64_t ours) {
    struct signal_info info = {0};
    struct registers registers = {0};
    if (SYS_CALL_4(__NR_ptrace, PTRACE_GETSIGINFO, pid, 0, &info) < 0 ||
        (info.code != SEGV_MAPERR && info.code != SEGV_ACCERR) || read_registers(pid, &registers) < 0)
        return 0;
    uint64_t at = info.address, sp = registers.stack_pointer;
    /* A refused access to mapped memory is another error, unless it is near the stack pointer: there it is
     * the guard of a mapping below the stack. */
    uint64_t reach = info.code == SEGV_MAPERR ? REACH_OF_AN_ARRAY : REACH_ABOVE_STACK_POINTER;
    if (at + REACH_BELOW_STACK_POINTER < sp || at > sp + reach)
        return 0;
    /* The program may have raised its limit, or removed it. */
    int entry = processes_entry(slot, pid);
    uint64_t limit = limit_in_force(slot, pid, "Max stack size");
    uint64_t top = top_of_stack(slot, entry);
    if (limit < ours || limit >= top)
        return 0;
    /* The kernel keeps a guard gap of 1 MiB below the stack, so the program can meet the limit that much
     * earlier. A restored interpreter (Sources/CSnapshot) has its stack elsewhere than the kernel started it.
     */
    return at <= top - limit + GUARD_GAP || bytes_of_stacks(slot, entry) + GUARD_GAP >= limit;
}

/* After a raised SIGXFSZ the register has kill's result, after a real one the write's EFBIG. */
static int is_refused_write(int pid) {
    struct registers registers = {0};
    return read_registers(pid, &registers) == 0 && registers.syscall_result == -EFBIG;
}

/* How many descriptors a process has open; stops counting at `most`. */
static uint64_t count_descriptors(const struct slot *slot, int entry, uint64_t most) {
    struct sys_entries entries;
    int CLEANUP_CLOSE dir = processes_open(slot, entry, "fd", O_RDONLY | O_DIRECTORY);
    uint64_t count = 0;
    sys_begin_entries(&entries, dir);
    while (dir >= 0 && count < most && sys_next_entry(&entries) != 0)
        count++;
    return count;
}

/* Whether the highest permitted number and all below it are in use: then one more open was, or would be,
 * refused. */
static int descriptors_are_used_up(const struct slot *slot, int pid, uint64_t limit) {
    char path[80], number[24], last[24], target[8];
    int entry = processes_entry(slot, pid);
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

/* The cell opened the file in advance: opening it now would take time of the run. */
static long read_status(const struct slot *slot, int pid, char *text, size_t bytes) {
    if (slot->cell.status < 0)
        return read_of(slot, processes_entry(slot, pid), "status", text, bytes);
    return text_read(slot->cell.status, text, bytes);
}

/* The size of a process's own file, where that is in a tmpfs and was not changed since a date; else 0. Only
 * the kernel sets this time. */
static uint64_t size_of_own_file(const struct slot *slot, int pid, uint64_t date_ns) {
    struct statfs system;
    struct stat status;
    credentials_begin_look(slot);
    int CLEANUP_CLOSE fd = processes_open(slot, processes_entry(slot, pid), "exe", O_PATH);
    credentials_end_look(slot);
    if (fd < 0 || SYS_CALL_2(__NR_fstatfs, fd, &system) < 0 || system.f_type != TMPFS_MAGIC ||
        SYS_CALL_2(__NR_fstat, fd, &status) < 0)
        return 0;
    uint64_t changed = (uint64_t)status.st_ctime * 1000000000u + (uint64_t)status.st_ctime_nsec;
    return changed <= date_ns ? (uint64_t)status.st_blocks * 512 : 0;
}

/* At the exit of the program's first thread, notes the kernel's peak of its resident memory, and how much of
 * the current memory is mapped files, on a disk and in a tmpfs, which are charged to the first process that
 * touched them. Notes whether its descriptors were used up, and when the program ended, too. */
static void note_exit(const struct slot *slot, int pid, uint64_t open_files, uint64_t exact_date_ns,
                      struct trace_evidence *evidence) {
    char text[4096];
    uint64_t table = 0;
    if (read_status(slot, pid, text, sizeof text) > 0) {
        evidence->peak_resident_bytes = text_find(text, "VmHWM:", 0) * 1024;
        evidence->file_resident_bytes = text_find(text, "RssFile:", 0) * 1024;
        evidence->shared_resident_bytes = text_find(text, "RssShmem:", 0) * 1024;
        if (slot->cgroup.kind == ISOLATE_CGROUP_NONE && evidence->shared_resident_bytes > 0) {
            uint64_t size = size_of_own_file(slot, pid, exact_date_ns),
                     shared = evidence->shared_resident_bytes;
            evidence->program_file_bytes = size < shared ? size : shared;
        }
        table = text_find(text, "FDSize:", 0);
        if (text_find(text, "Threads:", 0) == 1)
            evidence->exit_ns = sys_now_ns();
    }
    /* A table that never had room for the highest number never refused a descriptor. */
    if ((table == 0 || table >= open_files) && descriptors_are_used_up(slot, pid, open_files))
        evidence->open_files = 1;
}

uint64_t trace_end_ns(const struct trace_evidence *evidence, uint64_t decided_ns) {
    return evidence->exit_ns != 0 ? evidence->exit_ns : decided_ns;
}

void trace_release_stranger(int pid) {
    SYS_CALL_4(__NR_ptrace, PTRACE_DETACH, pid, 0, 0);
}

void trace_handle_stop(struct slot *slot, int status, const struct isolate_limits *limits,
                       uint64_t exact_date_ns, struct trace_evidence *evidence) {
    int pid = slot->cell.program_pid, signal = sys_stop_signal(status), event = sys_stop_event(status);
    int request = PTRACE_CONT, deliver = 0;
    if (event == PTRACE_EVENT_EXIT) {
        note_exit(slot, pid, limits->open_files, exact_date_ns, evidence);
    } else if (event == PTRACE_EVENT_STOP) {
        /* A group stop: the thread stays stopped until SIGCONT, as it would without a tracer. */
        if (signal == SYS_SIGSTOP || signal == SYS_SIGTSTP || signal == SYS_SIGTTIN || signal == SYS_SIGTTOU)
            request = PTRACE_LISTEN;
    } else {
        deliver = signal;
        if (signal == SYS_SIGSEGV && is_stack_overflow(slot, pid, limits->stack_bytes))
            evidence->stack_overflow = 1;
        else if (signal == SYS_SIGXFSZ &&
                 limit_is_ours(slot, pid, "Max file size", limits->file_size_bytes) && is_refused_write(pid))
            evidence->file_size = 1;
    }
    SYS_CALL_4(__NR_ptrace, request, pid, 0, deliver);
}
