/*
 * What the executable does first, in a new process: it has the memory that the kernel mapped from the file,
 * the kernel's first stack, and its own code. Any step may fail on a host that differs; then the interpreter
 * is executed with the same arguments, so that the program runs, only later.
 */
#include <asm/mman.h>
#include <asm/stat.h>
#include <linux/mman.h>

#include "snapshot.h"
#include "sys.h"

#if CONTEXT_IS_KNOWN

extern void *__curbrk __attribute__((weak));

/* What the kernel put on the first stack. */
struct arguments {
    char **arguments, **environment;
    const uint64_t *auxiliary;
};

static struct arguments arguments_of(uint64_t *stack) {
    struct arguments found = {.arguments = (char **)(stack + 1)};
    found.environment = found.arguments + stack[0] + 1;
    char **end = found.environment;
    while (*end != 0)
        end++;
    found.auxiliary = (const uint64_t *)(end + 1);
    return found;
}

void snapshot_give_up(void) {
    if (snapshot.first_stack != 0) {
        struct arguments given = arguments_of(snapshot.first_stack);
        given.arguments[0] = snapshot.interpreter;
        SYS_CALL_3(__NR_execve, snapshot.interpreter, given.arguments, given.environment);
    }
    for (;;)
        SYS_CALL_1(__NR_exit_group, 127);
}

/* Moves the kernel's own code and its data to where the C library looks for them. */
static long move_special(const uint64_t *auxiliary) {
    uint64_t vdso = 0;
    for (; auxiliary[0] != AT_NULL; auxiliary += 2)
        if (auxiliary[0] == AT_SYSINFO_EHDR)
            vdso = auxiliary[1];
    if (vdso == snapshot.vdso)
        return 0;
    if (vdso == 0 || snapshot.vdso == 0)
        return -ENOSYS;
    for (unsigned i = 0; i < snapshot.special_count; i++) {
        const struct snapshot_range *range = &snapshot.special[i];
        uint64_t bytes = range->end - range->start;
        /* MREMAP_FIXED would replace what is there; this fails where anything is. */
        long result = SYS_CALL_6(__NR_mmap, range->start, bytes, PROT_NONE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        if (result < 0)
            return result;
        result = SYS_CALL_5(__NR_mremap, vdso + (range->start - snapshot.vdso), bytes, bytes,
                            MREMAP_MAYMOVE | MREMAP_FIXED, range->start);
        if (result < 0)
            return result;
    }
    return 0;
}

/* Opens a file of the image, if it is the one that was mapped. */
static long open_file(const struct snapshot_file *known) {
    struct stat status = {0};
    int file = sys_openat(AT_FDCWD, snapshot.names + known->name, O_RDONLY | O_CLOEXEC, 0);
    long result = file < 0 ? file : SYS_CALL_2(__NR_fstat, file, &status);
    if (result >= 0 && (status.st_size != known->bytes || (int64_t)status.st_mtime != known->seconds ||
                        (int64_t)status.st_mtime_nsec != known->nanoseconds))
        result = -ESTALE;
    if (result < 0)
        sys_close_fd(&file);
    return result < 0 ? result : file;
}

/* Maps memory that is zero, and the image's files. */
static long map_ranges(void) {
    int file = -1;
    uint32_t number = 0;
    long result = 0;
    for (unsigned i = 0; i < snapshot.range_count && result >= 0; i++) {
        const struct snapshot_range *range = &snapshot.ranges[i];
        int flags = MAP_PRIVATE | MAP_FIXED_NOREPLACE;
        if (range->file == 0) {
            flags |= MAP_ANONYMOUS;
        } else if (range->file != number) {
            sys_close_fd(&file);
            number = range->file;
            file = (int)open_file(&snapshot.files[number]);
            if (file < 0)
                return file;
        }
        result = SYS_CALL_6(__NR_mmap, range->start, range->end - range->start, range->protection, flags,
                            range->file == 0 ? -1 : file, range->offset);
    }
    sys_close_fd(&file);
    return result;
}

static long make_stack(void) {
    const struct snapshot_range *stack = &snapshot.stack;
    uint64_t bytes = stack->end - snapshot.stack_used;
    long result = SYS_CALL_6(__NR_mmap, stack->start, stack->end - stack->start, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED_NOREPLACE, -1, 0);
    if (result < 0)
        return result;
    memcpy((void *)snapshot.stack_used, (const void *)SNAPSHOT_STACK_COPY, bytes);
    return SYS_CALL_2(__NR_munmap, SNAPSHOT_STACK_COPY, bytes);
}

/* Only saves time: what a kernel refuses (before 5.14 each), the program meets page by page. */
static void provide_touched(void) {
    const struct snapshot_touched *touched = (const struct snapshot_touched *)SNAPSHOT_TOUCHED_PLACE;
    for (unsigned i = 0; i < SNAPSHOT_TOUCHED && touched[i].start != 0; i++)
        SYS_CALL_3(__NR_madvise, touched[i].start, touched[i].end - touched[i].start, MADV_POPULATE_WRITE);
    SYS_CALL_2(__NR_munmap, touched, SNAPSHOT_PAGE);
}

/* The heap is where the kernel would not extend it: it only knows the one behind this executable. The C
 * library, which keeps its end, goes on there; one that has no such variable sees by itself that the heap
 * cannot grow. */
static void move_heap(void) {
    if (&__curbrk != 0)
        __curbrk = (void *)SYS_CALL_1(__NR_brk, 0);
}

static void restore_signals(void) {
    for (int i = 1; i <= SNAPSHOT_SIGNALS; i++)
        if (snapshot.signals[i].handler != 0)
            SYS_CALL_4(__NR_rt_sigaction, i, &snapshot.signals[i], 0, sizeof(uint64_t));
    SYS_CALL_4(__NR_rt_sigprocmask, 2 /* SIG_SETMASK */, &snapshot.signal_mask, 0, sizeof(uint64_t));
}

/* The C library keeps the thread's number where it has the kernel clear it at the thread's end. */
static void restore_thread(void) {
    context_restore_thread(&snapshot.context);
    int *number = (int *)snapshot.thread_number;
    *number = (int)SYS_CALL_1(__NR_set_tid_address, number);
    SYS_CALL_2(__NR_set_robust_list, snapshot.robust_list, snapshot.robust_list_bytes);
    if (snapshot.restartable != 0)
        SYS_CALL_4(__NR_rseq, snapshot.restartable, SNAPSHOT_RSEQ_BYTES, 0, CONTEXT_RSEQ_SIGNATURE);
}

__attribute__((noreturn, used)) void snapshot_restore(uint64_t *stack) {
    snapshot.first_stack = stack;
    if (move_special(arguments_of(stack).auxiliary) < 0 || map_ranges() < 0 || make_stack() < 0)
        snapshot_give_up();
    provide_touched();
    move_heap();
    restore_thread();
    restore_signals();
    context_resume(&snapshot.context);
}

#else

void snapshot_give_up(void) {
    for (;;)
        SYS_CALL_1(__NR_exit_group, 127);
}

#endif
