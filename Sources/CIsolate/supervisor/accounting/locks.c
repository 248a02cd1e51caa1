/*
 * Record locks: memory that the kernel charges to no cgroup (struct file_lock, some 200 bytes each;
 * RLIMIT_LOCKS has had no effect since Linux 2.4).
 *
 * The filter notifies the slot of each call that may take a lock; a call may add two, where it splits another
 * lock. A process's own (POSIX) locks end with its descriptors, so the slot counts them in the fdinfo of the
 * run's processes, every so many calls, while the caller waits. Where the program makes that take too long,
 * or where threads may have descriptor tables of their own, the slot counts the calls instead. A lock of an
 * open file (OFD) may outlive every descriptor, in a mapping or in a socket's queue, so a run has a fixed
 * number of such calls. The slot does not use /proc/locks, whose reader stops all file locking on the whole
 * host for an RCU grace period.
 */
#include "accounting/locks.h"

#include "accounting/looks.h"
#include "accounting/processes.h"
#include "answer.h"
#include "credentials.h"
#include "slot_state.h"
#include "sys.h"
#include "text.h"

enum {
    LOCKS_MAX = 8192,
    CALLS_PER_LOOK = 1024,
    UNCOUNTED_MAX = 32768, /* calls since the last complete count */
    OF_FILES_MAX = 8192,   /* calls per run */
    LOOK_BYTES = 4096,
    LOOK_NS = 50000000,   /* of the slot's CPU time: it samples no clock of the run meanwhile */
    FILE_READS_MAX = 256, /* each of LOOK_BYTES: room for more locks than are allowed */
};

struct look {
    const struct slot *slot;
    uint64_t end_ns;
    unsigned found;
    int is_cut; /* the count took too long */
};

/* Counts lines like "lock:\t1: POSIX  ADVISORY  WRITE …": one per lock, of this process or another. */
static void count_in(struct look *look, int file) {
    static const char mark[] = "POSIX";
    char text[LOOK_BYTES];
    unsigned matched = 0, reads = 0;
    long n;
    /* The mark may lie across two reads. No letter occurs in it twice, so after a mismatch the search
     * restarts. */
    while ((n = sys_read(file, text, sizeof text)) > 0) {
        for (long i = 0; i < n; i++) {
            matched = text[i] == mark[matched] ? matched + 1 : text[i] == mark[0];
            if (mark[matched] == 0) {
                look->found++;
                matched = 0;
            }
        }
        if (++reads == FILE_READS_MAX)
            look->is_cut = 1;
        if (look->is_cut)
            return;
    }
}

/* Descriptors without a file's inode have no record locks, and the program can make some of their fdinfo
 * arbitrarily long. */
static int may_be_locked(int dir, const char *name) {
    static const char *const others[] = {"anon_inode:", "pipe:[", "socket:["};
    char target[16] = {0};
    if (SYS_CALL_4(__NR_readlinkat, dir, name, target, sizeof target - 1) < 0)
        return 0;
    for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++)
        if (text_begins(target, others[i]))
            return 0;
    return 1;
}

/* Returns the number of descriptors in the table. */
static unsigned count_in_table(struct look *look, int directory, int links) {
    struct sys_entries entries;
    const struct sys_entry *descriptor;
    unsigned descriptors = 0;
    sys_begin_entries(&entries, directory);
    while (directory >= 0 && !look->is_cut && (descriptor = sys_next_entry(&entries)) != 0) {
        if (descriptor->name[0] < '0' || descriptor->name[0] > '9')
            continue;
        descriptors++;
        if (links >= 0 && may_be_locked(links, descriptor->name)) {
            int CLEANUP_CLOSE file = sys_openat(directory, descriptor->name, O_RDONLY, 0);
            if (file >= 0)
                count_in(look, file);
        }
        look->is_cut |= looks_process_clock(0) > look->end_ns;
    }
    return descriptors;
}

/* The threads of a process share one table, unless the slot was notified otherwise. When the first thread has
 * exited, its fdinfo is empty and another thread's shows the table. */
static void count_of(struct look *look, int entry) {
    struct process threads[64];
    unsigned count = 0, known = 0;
    for (unsigned i = 0; i <= known && count == 0 && !look->is_cut; i++) {
        int CLEANUP_CLOSE directory = processes_open(look->slot, i == 0 ? entry : threads[i - 1].entry,
                                                     "fdinfo", O_RDONLY | O_DIRECTORY);
        int CLEANUP_CLOSE links =
            processes_open(look->slot, i == 0 ? entry : threads[i - 1].entry, "fd", O_RDONLY | O_DIRECTORY);
        count = count_in_table(look, directory, links);
        if (i == 0 && count == 0)
            known = processes_threads(look->slot, entry, threads, sizeof threads / sizeof threads[0]);
    }
}

static int is_whole(struct look *look) {
    static struct process processes[PROCESSES_MAX];
    unsigned count = processes_list(look->slot, processes, PROCESSES_MAX);
    credentials_begin_look(look->slot);
    for (unsigned i = 0; i < count && !look->is_cut && look->found <= LOCKS_MAX; i++)
        count_of(look, processes[i].entry);
    credentials_end_look(look->slot);
    return !look->is_cut;
}

enum lock_answer locks_answer(const struct slot *slot, struct lock_calls *calls, enum told_call call) {
    if (call == OWN_TABLE) {
        calls->have_own_tables = 1;
        return LOCK_GO_ON;
    }
    if (call == LOCK_OF_FILE)
        return calls->of_files++ < OF_FILES_MAX ? LOCK_GO_ON : LOCK_REFUSE;
    if (++calls->of_processes % CALLS_PER_LOOK == 0) {
        struct look look = {.slot = slot, .end_ns = looks_process_clock(0) + LOOK_NS};
        int is_counted = is_whole(&look) && !calls->have_own_tables;
        if (look.found > LOCKS_MAX)
            return LOCK_TOO_MANY;
        if (is_counted)
            calls->uncounted = 0;
    }
    return calls->uncounted++ < UNCOUNTED_MAX ? LOCK_GO_ON : LOCK_REFUSE;
}
