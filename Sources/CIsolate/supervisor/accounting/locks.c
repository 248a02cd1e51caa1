/*
 * Record locks: memory of the kernel's that it charges to nobody (struct file_lock, some 200 bytes each; the
 * old RLIMIT_LOCKS does nothing since Linux 2.4).
 *
 * The filter tells us of each call that may take one; it may add two, where it splits another. A lock of a
 * process (POSIX) is gone with its descriptors, so what is held can be counted from the fdinfo of the run's
 * processes: every so many calls, while the caller waits. Where that takes too long, because the program made
 * it long, or where threads may have tables of descriptors of their own, the calls themselves are what
 * counts. A lock of an open file (OFD) may outlive every descriptor, in a mapping or on its way through a
 * socket, so of these calls there are only so many in a run. Not from /proc/locks, whose reader stops all
 * locking on the whole host for a grace period of RCU.
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
    UNCOUNTED_MAX = 32768, /* calls since the last count that came to its end */
    OF_FILES_MAX = 8192,   /* calls in a run */
    LOOK_BYTES = 4096,
    LOOK_NS = 50000000,   /* of our own CPU time: no clock of the run is looked at meanwhile */
    FILE_READS_MAX = 256, /* each of LOOK_BYTES: more locks than may be */
};

struct look {
    const struct slot *slot;
    uint64_t end_ns;
    unsigned found;
    int is_cut; /* it took too long */
};

/* One line for each lock, of the process or of others: "lock:\t1: POSIX  ADVISORY  WRITE …". */
static void count_in(struct look *look, int file) {
    static const char mark[] = "POSIX";
    char text[LOOK_BYTES];
    unsigned matched = 0, reads = 0;
    long n;
    /* A mark may lie across two reads. None of its letters stands twice, so a miss begins anew. */
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

/* What has no inode of a file has no record lock either, and some of these the program makes as long as it
 * likes. */
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

/* Returns how many descriptors there are. */
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

/* The threads of a process have one table, or we were told otherwise. The first of them has none when it has
 * left: then another one shows it. */
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
