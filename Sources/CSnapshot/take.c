/*
 * Writes the process as an executable. What is unchanged from a file of the image is only named, what is zero
 * is only measured; everything else is copied.
 */
#include <asm/mman.h>
#include <asm/stat.h>
#include <linux/mman.h>
#include <linux/prctl.h>

#include "snapshot.h"
#include "sys.h"
#include "text.h"

struct snapshot snapshot;

#if CONTEXT_IS_KNOWN

enum {
    SEGMENTS = (SNAPSHOT_HEADER_BYTES - sizeof(Elf64_Ehdr)) / sizeof(Elf64_Phdr),
    GAP_BYTES = 8 * SNAPSHOT_PAGE, /* less memory that is zero between other bytes is copied with them */
    COMPARED_BYTES = 16 * SNAPSHOT_PAGE,
    MAPS_BYTES = 1 << 20
};

/* The glibc that has one: where its rseq area is, from the thread's pointer. */
extern const long __rseq_offset __attribute__((weak));
extern const unsigned __rseq_size __attribute__((weak));

/* What is needed only while writing, in memory that is not written. */
struct work {
    Elf64_Ehdr header;
    Elf64_Phdr segments[SEGMENTS];
    unsigned segment_count;
    uint64_t file_bytes;
    int result;
    struct snapshot_touched touched[SNAPSHOT_TOUCHED]; /* none is known yet */
    char compared[COMPARED_BYTES];
    char maps[MAPS_BYTES];
};

/* A line of /proc/self/maps. */
struct mapping {
    uint64_t start, end, offset;
    uint32_t protection;
    int is_shared;
    const char *name; /* ends with the line */
    size_t name_bytes;
};

static uint64_t parse_hexadecimal(const char **at) {
    uint64_t value = 0;
    for (;; (*at)++) {
        char c = **at;
        if (c >= '0' && c <= '9')
            value = value * 16 + (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value * 16 + (uint64_t)(c - 'a') + 10;
        else
            return value;
    }
}

/* Reads "start-end rwxp offset device inode   name" and returns the next line; 0 at the end. */
static const char *next_mapping(const char *at, struct mapping *mapping) {
    if (*at == 0)
        return 0;
    mapping->start = parse_hexadecimal(&at);
    at++;
    mapping->end = parse_hexadecimal(&at);
    mapping->protection =
        (at[1] == 'r' ? PROT_READ : 0) | (at[2] == 'w' ? PROT_WRITE : 0) | (at[3] == 'x' ? PROT_EXEC : 0);
    mapping->is_shared = at[4] == 's';
    at += 6;
    mapping->offset = parse_hexadecimal(&at);
    for (int fields = 0; fields < 2; fields++) { /* device and inode */
        while (*at == ' ')
            at++;
        while (*at != 0 && *at != ' ' && *at != '\n')
            at++;
    }
    while (*at == ' ')
        at++;
    mapping->name = at;
    while (*at != 0 && *at != '\n')
        at++;
    mapping->name_bytes = (size_t)(at - mapping->name);
    return *at == 0 ? at : at + 1;
}

static int is_named(const struct mapping *mapping, const char *beginning) {
    size_t n = 0;
    while (beginning[n] != 0 && n < mapping->name_bytes && mapping->name[n] == beginning[n])
        n++;
    return beginning[n] == 0;
}

static void fail(struct work *work, int result) {
    if (work->result == 0)
        work->result = result;
}

static void add_range(struct work *work, uint64_t start, uint64_t end, uint32_t protection, uint32_t file,
                      uint64_t offset) {
    if (start == end)
        return;
    if (snapshot.range_count == SNAPSHOT_RANGES)
        return fail(work, -E2BIG);
    snapshot.ranges[snapshot.range_count++] = (struct snapshot_range){
        .start = start, .end = end, .offset = offset, .file = file, .protection = protection};
}

/* Plans a segment whose bytes are those at `from`. */
static void add_segment(struct work *work, uint64_t at, uint64_t from, uint64_t bytes, uint32_t protection) {
    if (bytes == 0)
        return;
    if (work->segment_count == SEGMENTS)
        return fail(work, -E2BIG);
    work->segments[work->segment_count++] =
        (Elf64_Phdr){.p_type = PT_LOAD,
                     .p_flags = (protection & PROT_READ ? PF_R : 0u) | (protection & PROT_WRITE ? PF_W : 0u) |
                                (protection & PROT_EXEC ? PF_X : 0u),
                     .p_offset = work->file_bytes,
                     .p_vaddr = at,
                     .p_paddr = from, /* nobody else reads this field of an executable */
                     .p_filesz = bytes,
                     .p_memsz = bytes,
                     .p_align = SNAPSHOT_PAGE};
    work->file_bytes += bytes;
}

static int is_zero(uint64_t page) {
    const uint64_t *words = (const uint64_t *)page;
    for (size_t i = 0; i < SNAPSHOT_PAGE / sizeof *words; i++)
        if (words[i] != 0)
            return 0;
    return 1;
}

static uint64_t end_of_zeros(uint64_t start, uint64_t end) {
    while (start < end && is_zero(start))
        start += SNAPSHOT_PAGE;
    return start;
}

/* Where bytes end that are followed by a gap that is worth a range, or by the end. */
static uint64_t end_of_bytes(uint64_t start, uint64_t end) {
    while (start < end) {
        uint64_t zeros_end = end_of_zeros(start, end);
        if (zeros_end - start >= GAP_BYTES || (zeros_end == end && zeros_end > start))
            return start;
        start = zeros_end == start ? start + SNAPSHOT_PAGE : zeros_end;
    }
    return end;
}

static void plan_memory(struct work *work, const struct mapping *mapping) {
    for (uint64_t at = mapping->start; at < mapping->end;) {
        uint64_t zeros_end = end_of_zeros(at, mapping->end);
        add_range(work, at, zeros_end, mapping->protection, 0, 0);
        uint64_t bytes_end = end_of_bytes(zeros_end, mapping->end);
        add_segment(work, zeros_end, zeros_end, bytes_end - zeros_end, mapping->protection);
        at = bytes_end;
    }
}

/* The file's number in the snapshot, which has it already when the mapping before was of the same file. */
static uint32_t number_of(struct work *work, const struct mapping *mapping) {
    struct snapshot_file *last = &snapshot.files[snapshot.file_count];
    struct stat status;
    const char *known = snapshot.names + last->name;
    if (snapshot.file_count != 0 && is_named(mapping, known) && text_length(known) == mapping->name_bytes)
        return snapshot.file_count;
    if (snapshot.names_bytes + mapping->name_bytes + 1 > SNAPSHOT_NAMES ||
        snapshot.file_count + 1 == SNAPSHOT_FILES) {
        fail(work, -E2BIG);
        return 0;
    }
    char *name = snapshot.names + snapshot.names_bytes;
    memcpy(name, mapping->name, mapping->name_bytes);
    name[mapping->name_bytes] = 0;
    /* A file that was removed is copied; one that was replaced differs. */
    if (SYS_CALL_4(__NR_newfstatat, AT_FDCWD, name, &status, 0) < 0)
        return 0;
    last[1] = (struct snapshot_file){.name = snapshot.names_bytes,
                                     .bytes = status.st_size,
                                     .seconds = (int64_t)status.st_mtime,
                                     .nanoseconds = (int64_t)status.st_mtime_nsec};
    snapshot.names_bytes += (uint32_t)mapping->name_bytes + 1;
    return ++snapshot.file_count;
}

static int is_same(const char *a, const char *b, size_t bytes) {
    const uint64_t *left = (const uint64_t *)a, *right = (const uint64_t *)b;
    for (size_t i = 0; i < bytes / sizeof *left; i++)
        if (left[i] != right[i])
            return 0;
    return 1;
}

/* How many bytes of whole pages from `at` on are as they are in the file. */
static uint64_t unchanged_bytes(struct work *work, int file, uint64_t at, uint64_t end, uint64_t offset) {
    uint64_t done = 0;
    while (at + done < end) {
        uint64_t bytes = end - at - done < COMPARED_BYTES ? end - at - done : COMPARED_BYTES;
        memset(work->compared, 0, bytes);
        if (SYS_CALL_4(__NR_pread64, file, work->compared, bytes, offset + done) <= 0)
            return done; /* past the file's last page */
        for (uint64_t page = 0; page < bytes; page += SNAPSHOT_PAGE)
            if (!is_same(work->compared + page, (const char *)(at + done + page), SNAPSHOT_PAGE))
                return done + page;
        done += bytes;
    }
    return done;
}

/* A file's mapping that cannot be written to: it may have been, before the linker made it read-only. */
static void plan_file(struct work *work, const struct mapping *mapping) {
    uint32_t number = number_of(work, mapping);
    int CLEANUP_CLOSE file = number == 0 ? -1
                                         : sys_openat(AT_FDCWD, snapshot.names + snapshot.files[number].name,
                                                      O_RDONLY | O_CLOEXEC, 0);
    for (uint64_t at = mapping->start; at < mapping->end;) {
        uint64_t offset = mapping->offset + (at - mapping->start);
        uint64_t same = file < 0 ? 0 : unchanged_bytes(work, file, at, mapping->end, offset);
        add_range(work, at, at + same, mapping->protection, number, offset);
        uint64_t changed = at + same;
        while (changed < mapping->end && unchanged_bytes(work, file, changed, changed + SNAPSHOT_PAGE,
                                                         mapping->offset + (changed - mapping->start)) == 0)
            changed += SNAPSHOT_PAGE;
        add_segment(work, at + same, at + same, changed - at - same, mapping->protection);
        at = changed;
    }
}

static void plan_stack(struct work *work, const struct mapping *mapping) {
    snapshot.stack = (struct snapshot_range){.start = mapping->start, .end = mapping->end};
    /* Below the stack pointer a called function may keep up to 128 bytes. */
    snapshot.stack_used = (context_stack_pointer(&snapshot.context) - 256) & ~(uint64_t)(SNAPSHOT_PAGE - 1);
    add_segment(work, SNAPSHOT_STACK_COPY, snapshot.stack_used, mapping->end - snapshot.stack_used,
                PROT_READ);
}

static void plan_special(struct work *work, const struct mapping *mapping) {
    if (is_named(mapping, "[vdso]"))
        snapshot.vdso = mapping->start;
    if (snapshot.special_count == SNAPSHOT_SPECIAL)
        return fail(work, -E2BIG);
    snapshot.special[snapshot.special_count++] =
        (struct snapshot_range){.start = mapping->start, .end = mapping->end};
}

static int contains(const struct mapping *mapping, const void *place) {
    return (uint64_t)place >= mapping->start && (uint64_t)place < mapping->end;
}

static void plan_mapping(struct work *work, const struct mapping *mapping) {
    /* Files of the sandbox are gone when the snapshot is executed. */
    int is_image_file = is_named(mapping, "/") && !is_named(mapping, "/work/") &&
                        !is_named(mapping, "/tmp/") && !is_named(mapping, "/dev/");
    if (contains(mapping, work) || is_named(mapping, "[vsyscall]"))
        return;
    if (mapping->is_shared && mapping->protection & PROT_WRITE)
        return fail(work, -EOPNOTSUPP); /* memory that is shared with another process */
    if (is_named(mapping, "[vdso]") || is_named(mapping, "[vvar"))
        return plan_special(work, mapping);
    if (is_named(mapping, "[stack]"))
        return plan_stack(work, mapping);
    int can_write = mapping->protection & PROT_WRITE;
    int is_changing = contains(mapping, &snapshot) || contains(mapping, &snapshot + 1); /* by this plan */
    if (!(mapping->protection & PROT_READ))
        add_range(work, mapping->start, mapping->end, mapping->protection, 0, 0);
    else if (can_write && !is_changing)
        plan_memory(work, mapping);
    else if (is_image_file && !is_changing)
        plan_file(work, mapping);
    else
        add_segment(work, mapping->start, mapping->start, mapping->end - mapping->start, mapping->protection);
}

static void plan(struct work *work) {
    int CLEANUP_CLOSE file = sys_openat(AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
    size_t length = 0;
    long n = file;
    while (file >= 0 && (n = sys_read(file, work->maps + length, MAPS_BYTES - 1 - length)) > 0)
        length += (size_t)n;
    if (n < 0 || length == MAPS_BYTES - 1)
        return fail(work, n < 0 ? (int)n : -E2BIG);
    struct mapping mapping;
    for (const char *line = work->maps; (line = next_mapping(line, &mapping)) != 0;)
        plan_mapping(work, &mapping);
}

/* Bytes behind the end of a mapped file cannot be read; they are zero in the executable. */
static void write_at(struct work *work, int file, const void *bytes, uint64_t count, uint64_t offset) {
    while (count > 0) {
        long n = SYS_CALL_4(__NR_pwrite64, file, bytes, count, offset);
        if (n == -EFAULT)
            return;
        if (n <= 0)
            return fail(work, n < 0 ? (int)n : -EIO);
        bytes = (const char *)bytes + n;
        offset += (uint64_t)n;
        count -= (uint64_t)n;
    }
}

/* The kernel maps segments in the order of their addresses. */
static void sort_segments(struct work *work) {
    for (unsigned i = 1; i < work->segment_count; i++)
        for (unsigned j = i; j > 0 && work->segments[j].p_vaddr < work->segments[j - 1].p_vaddr; j--) {
            Elf64_Phdr other = work->segments[j];
            work->segments[j] = work->segments[j - 1];
            work->segments[j - 1] = other;
        }
}

static void write_executable(struct work *work, int file) {
    for (unsigned i = 0; i < work->segment_count; i++) {
        Elf64_Phdr *segment = &work->segments[i];
        write_at(work, file, (const void *)segment->p_paddr, segment->p_filesz, segment->p_offset);
        segment->p_paddr = segment->p_vaddr;
    }
    sort_segments(work);
    work->header =
        (Elf64_Ehdr){.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                     .e_type = ET_EXEC,
                     .e_machine = CONTEXT_MACHINE,
                     .e_version = EV_CURRENT,
                     .e_entry = (uint64_t)snapshot_entry,
                     .e_phoff = sizeof(Elf64_Ehdr),
                     .e_ehsize = sizeof(Elf64_Ehdr),
                     .e_phentsize = sizeof(Elf64_Phdr),
                     .e_phnum = (uint16_t)work->segment_count};
    write_at(work, file, &work->header, sizeof work->header + work->segment_count * sizeof(Elf64_Phdr), 0);
    SYS_CALL_2(__NR_ftruncate, file, work->file_bytes);
}

/* What the kernel knows of the thread. */
static void save_kernel_state(void) {
    context_save_thread(&snapshot.context);
    SYS_CALL_2(__NR_prctl, PR_GET_TID_ADDRESS, &snapshot.thread_number);
    SYS_CALL_3(__NR_get_robust_list, 0, &snapshot.robust_list, &snapshot.robust_list_bytes);
    if (&__rseq_size != 0 && __rseq_size != 0)
        snapshot.restartable = snapshot.context.thread + (uint64_t)__rseq_offset;
    for (int i = 1; i <= SNAPSHOT_SIGNALS; i++)
        SYS_CALL_4(__NR_rt_sigaction, i, 0, &snapshot.signals[i], sizeof(uint64_t));
    SYS_CALL_4(__NR_rt_sigprocmask, 0, 0, &snapshot.signal_mask, sizeof(uint64_t));
}

/* The interpreter's name, as it was started: the first argument. */
static void save_interpreter(void) {
    int CLEANUP_CLOSE file = sys_openat(AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC, 0);
    long n = file < 0 ? file : sys_read(file, snapshot.interpreter, sizeof snapshot.interpreter - 1);
    snapshot.interpreter[n < 0 ? 0 : n] = 0;
}

int snapshot_take(int file) {
    if (context_save(&snapshot.context))
        return 1;
    /* Shared, so that the kernel does not make it one mapping with memory of the process beside it, which
     * would then be left out, too. */
    long place = SYS_CALL_6(__NR_mmap, 0, sizeof(struct work), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (place < 0)
        return (int)place;
    struct work *work = (struct work *)place;
    work->file_bytes = SNAPSHOT_HEADER_BYTES;
    add_segment(work, SNAPSHOT_TOUCHED_PLACE, (uint64_t)work->touched, sizeof work->touched, PROT_READ);
    save_kernel_state();
    save_interpreter();
    plan(work);
    if (snapshot.thread_number == 0 || snapshot.stack.end == 0)
        fail(work, -ENOSYS);
    if (work->result == 0)
        write_executable(work, file);
    return work->result;
}

#else

int snapshot_take(int file) {
    (void)file;
    return -ENOSYS;
}

#endif
