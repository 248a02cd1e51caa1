/*
 * No cgroup: the slot samples what rlimits cannot bound, and figures between samples are lost.
 *
 * Memory is the anonymous and shared memory that the processes have mapped. Unmapped memory is not seen:
 * files of a tmpfs (the disk limit bounds them), a memory file that is only written, pipes, the kernel's own.
 * The next sample comes before the rest of the limit could be used up, and RLIMIT_DATA is a second bound. CPU
 * time is read from each process's own clock; what a process that no parent waited for used since the last
 * sample is lost. RLIMIT_NPROC refuses processes beyond the limit, by user and user namespace. Where the user
 * has other processes there, RLIMIT_NPROC is set above their number with some room, since that number
 * changes; the slot ends a run that it sees above its limit.
 */

#include "accounting/cgroup_kinds.h"

#include "accounting/looker.h"
#include "accounting/looks.h"
#include "accounting/nproc.h"
#include "accounting/processes.h"
#include "failure.h"
#include "slot_state.h"
#include "sys.h"
#include "text.h"
#include <linux/kcmp.h>

enum {
    PARTS_LEAST = 4 << 20, /* below this, the exact figure is not worth its cost */
    SHARED_ROOM = 64,      /* room for processes that the user starts elsewhere during a run */
    OURS = 3,              /* slot, seat and looker, when a cell is prepared */
    DOUBT_NS = 32000000,
    SPARE_NS = 60000000,    /* for a looker that gets no processor, in one sample */
    LOOK_SHARE = 5,         /* sampling takes at most one part in this many of a processor's time */
    PROCESSES_SLACK = 2,    /* processes that die during the count may be counted twice */
    NS_PER_TICK = 10000000, /* USER_HZ, the unit of proc */
};

/* CPU time of the run's processes. */
static struct {
    unsigned count;
    struct clock {
        int pid;
        uint64_t ns;
    } clocks[PROCESSES_MAX];
    uint64_t gone_ns;  /* of dead processes, as last sampled */
    uint64_t total_ns; /* the largest sum so far */
} cpu;

static uint64_t doubt_since_ns; /* since when memory may have been above its limit; 0: it is not */
static struct process processes[PROCESSES_MAX];
static uint64_t resident_of[PROCESSES_MAX], tables_of[PROCESSES_MAX];

static struct isolate_failure prepare(struct slot *slot) {
    cpu.count = 0;
    cpu.gone_ns = cpu.total_ns = doubt_since_ns = 0;
    slot->cell.processes_base = 0;
    /* At level minimal the program's process counts instead, when it sets its limits. */
    if (!has_own_user(slot) && has_feature(slot, ISOLATE_FEATURE_NAMESPACES)) {
        uint64_t count = nproc_count(OURS);
        slot->cell.processes_base = count + 1; /* init starts after this count */
        /* Before 5.14 the kernel counts the user's processes on the whole host. */
        if (count > OURS)
            slot->cell.processes_base += SHARED_ROOM;
    }
    return failure_at(0, 0, 0);
}

static struct isolate_failure begin(const struct slot *slot, struct isolate_ready_record *ready) {
    (void)slot;
    ready->memory_base_bytes = 0; /* exec frees all memory of this process */
    ready->cpu_base_ns = looks_process_clock(0);
    return failure_at(0, 0, 0);
}

/* CPU time of the dead children that a process waited for, and of their children. */
static uint64_t read_waited(const struct slot *slot, int entry) {
    char text[1024];
    enum { CUTIME = 16, CSTIME = 17 };
    if (processes_read(slot, entry, "stat", text, sizeof text) <= 0)
        return 0;
    return (text_stat_field(text, CUTIME) + text_stat_field(text, CSTIME)) * NS_PER_TICK;
}

/* Removes a process's clock from the last sample's and returns it; 0 if the process is new. */
static uint64_t take_clock(int pid) {
    for (unsigned i = 0; i < cpu.count; i++)
        if (cpu.clocks[i].pid == pid) {
            uint64_t ns = cpu.clocks[i].ns;
            cpu.clocks[i].pid = 0;
            return ns;
        }
    return 0;
}

static uint64_t look_at_clocks(const struct slot *slot, unsigned count) {
    static struct clock now[PROCESSES_MAX];
    uint64_t living = 0, waited = 0;
    for (unsigned i = 0; i < count; i++) {
        uint64_t before = take_clock(processes[i].pid);
        now[i] = (struct clock){processes[i].pid, looks_process_clock(processes[i].pid)};
        if (now[i].ns < before)
            cpu.gone_ns += before; /* the process is dead; another one may have its number now */
        living += now[i].ns;
        waited += read_waited(slot, processes[i].entry);
    }
    for (unsigned i = 0; i < cpu.count; i++)
        if (cpu.clocks[i].pid != 0)
            cpu.gone_ns += cpu.clocks[i].ns;
    memcpy(cpu.clocks, now, count * sizeof now[0]);
    cpu.count = count;
    /* Some dead processes are in only one of the two sums and some are in both, so the larger one counts. */
    uint64_t most = living + (cpu.gone_ns > waited ? cpu.gone_ns : waited);
    if (most > cpu.total_ns)
        cpu.total_ns = most;
    return cpu.total_ns;
}

static uint64_t cpu_ns(struct slot *slot) {
    return look_at_clocks(slot, processes_list(slot, processes, PROCESSES_MAX));
}

static uint64_t kilobytes(const char *text, const char *key) {
    return text_find(text, key, 0) * 1024;
}

/* Anonymous and shared memory of one process with its page tables; also counts its threads. */
static uint64_t read_resident(const struct slot *slot, int entry, uint64_t *threads, uint64_t *tables) {
    char text[4096];
    struct process all[8];
    *tables = 0;
    if (processes_read(slot, entry, "status", text, sizeof text) <= 0)
        return 0;
    *threads = text_find(text, "Threads:", 0);
    /* An orphan that only waits for the slot to reap it is no longer counted. */
    if (*threads == 1 && text_contains_after(text, "State:", "Z") &&
        (int)text_find(text, "PPid:", 0) == processes_own_entry(slot))
        *threads = 0;
    /* After its first thread exited, a process's status shows no memory, though the other threads still have
     * it. */
    unsigned count = text_find(text, "RssAnon:", ~0ull) == ~0ull && *threads > 1
                         ? processes_threads(slot, entry, all, sizeof all / sizeof all[0])
                         : 0;
    for (unsigned i = 0; i < count && text_find(text, "RssAnon:", ~0ull) == ~0ull; i++)
        if (all[i].entry != entry)
            processes_read(slot, all[i].entry, "status", text,
                           sizeof text); /* proc also finds a thread under its own number */
    *tables = kilobytes(text, "VmPTE:");
    return kilobytes(text, "RssAnon:") + kilobytes(text, "RssShmem:") + *tables;
}

/* A process's proportional part of memory shared within the run after a fork; `all` when it cannot be read.
 * Returns 0 when the looker does not answer in time, so that `all` may be too much. */
static int read_own_part(const struct slot *slot, int entry, uint64_t all, uint64_t *spare_ns,
                         uint64_t *part) {
    int n = looker_read_part(slot, entry, spare_ns, part);
    if (n == -ESRCH && processes_threads(slot, entry, (struct process[2]){{0, 0}}, 2) < 2)
        *part = 0; /* it died meanwhile */
    else if (n <= 0 || *part > all)
        *part = all;
    return n != -EAGAIN;
}

enum sharing { NOT_SHARED, SHARED, PERHAPS_SHARED };

/* Between vfork and exec two processes share one memory. Where the container forbids kcmp, they may share
 * it. */
static enum sharing has_memory_of_another(unsigned index) {
    for (unsigned i = 0; i < index; i++) {
        if (resident_of[i] != resident_of[index])
            continue;
        long result = SYS_CALL_5(__NR_kcmp, processes[i].pid, processes[index].pid, KCMP_VM, 0, 0);
        if (result == 0)
            return SHARED;
        if (result == -EPERM || result == -ENOSYS)
            return PERHAPS_SHARED;
    }
    return NOT_SHARED;
}

/* `doubtful`: memory that may be counted twice. */
static uint64_t read_parts(const struct slot *slot, unsigned count, uint64_t *doubtful) {
    uint64_t sum = 0, spare_ns = SPARE_NS;
    for (unsigned i = 0; i < count; i++) {
        enum sharing sharing = resident_of[i] > 0 ? has_memory_of_another(i) : SHARED;
        if (sharing == SHARED)
            continue;
        uint64_t part;
        int is_certain =
            read_own_part(slot, processes[i].entry, resident_of[i] - tables_of[i], &spare_ns, &part) &&
            sharing == NOT_SHARED;
        part += tables_of[i];
        *(is_certain ? &sum : doubtful) += part;
    }
    return sum;
}

/* Whether a process ended while the parts were read: then its part of shared memory is in its own figure, if
 * that was read before, and in those of the others that were read afterwards. */
static int has_lost_one(const struct slot *slot, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        uint64_t threads = 0, tables;
        if (resident_of[i] > 0 && read_resident(slot, processes[i].entry, &threads, &tables) == 0)
            return 1;
    }
    return 0;
}

/* Child and parent never stay that long between vfork and exec: after this time, the memory is the process's
 * own. */
static uint64_t settle_doubt(uint64_t resident, uint64_t doubtful, uint64_t limit, uint64_t now_ns) {
    if (resident > limit || resident + doubtful <= limit)
        doubt_since_ns = 0;
    else if (doubt_since_ns == 0)
        doubt_since_ns = now_ns;
    else if (now_ns - doubt_since_ns >= DOUBT_NS)
        return resident + doubtful;
    return resident;
}

/* CPU time of the slot and its looker. Time that they wait, for a lock of the program's or for a processor,
 * is no cost: pausing for that would leave a program that delays its samples unseen for longer. */
static uint64_t own_cpu_ns(const struct slot *slot) {
    return looks_process_clock(0) + (slot->looker_pid > 0 ? looks_process_clock(slot->looker_pid) : 0);
}

static uint64_t sample(struct slot *slot, const struct isolate_ready_record *ready,
                       struct cgroup_usage *usage) {
    uint64_t begin_ns = sys_now_ns(), begin_cpu_ns = own_cpu_ns(slot), resident = 0, doubtful = 0,
             threads = 0, largest = 0, limit = ready->limits.memory_bytes;
    unsigned count = processes_list(slot, processes, PROCESSES_MAX);
    look_at_clocks(slot, count);
    for (unsigned i = 0; i < count; i++) {
        uint64_t own_threads = 0;
        resident_of[i] = read_resident(slot, processes[i].entry, &own_threads, &tables_of[i]);
        resident += resident_of[i];
        largest = resident_of[i] > largest ? resident_of[i] : largest;
        threads += own_threads;
    }
    /* The sum counts shared memory once per process. The exact figure takes long, so it is read only where
     * the sum would be a new peak, and one process alone is not beyond the limit. */
    if (largest > limit)
        resident = largest;
    else if (count > 1 && resident > usage->resident_bytes && resident > PARTS_LEAST) {
        resident = read_parts(slot, count, &doubtful);
        if (resident > largest && has_lost_one(slot, count)) {
            doubtful += resident - largest;
            resident = largest;
        }
    }
    /* What one process has alone is certain, even if its part could not be read. */
    if (resident < largest)
        resident = largest;
    resident = settle_doubt(resident, doubtful, limit, begin_ns);
    if (resident > usage->resident_bytes)
        usage->resident_bytes = resident;
    if (threads > usage->processes_peak)
        usage->processes_peak = threads;
    /* The kernel does not count refusals, so reaching the limit counts as meeting it; except for a limit of
     * one, which every program reaches. */
    if (threads >= ready->limits.processes && threads > 1)
        usage->processes_limit_hit = 1;
    if (resident > limit)
        usage->is_out_of_memory = 1;
    /* RLIMIT_NPROC does not apply to the host's root, and exits of the user's other processes may have left
     * room. */
    if (threads > PROCESSES_SLACK * ready->limits.processes)
        usage->is_over_processes = 1;
    uint64_t wait = looks_next_ns(resident < limit && doubt_since_ns == 0 ? limit - resident : 0);
    uint64_t cost = LOOK_SHARE * (own_cpu_ns(slot) - begin_cpu_ns);
    return wait < cost ? cost : wait;
}

static void finish(struct slot *slot, const struct isolate_ready_record *ready, struct cgroup_usage *usage) {
    (void)slot;
    (void)ready;
    /* wait4 covers every process that was waited for, up to its end; the samples cover the others. */
    int is_rusage = usage->rusage_cpu_ns >= cpu.total_ns;
    usage->cpu_ns = is_rusage ? usage->rusage_cpu_ns : cpu.total_ns;
    usage->cpu_source = is_rusage ? ISOLATE_SOURCE_RUSAGE : ISOLATE_SOURCE_SAMPLED;
    is_rusage = usage->rusage_resident_bytes >= usage->resident_bytes;
    usage->memory_peak_bytes = is_rusage ? usage->rusage_resident_bytes : usage->resident_bytes;
    usage->memory_source = is_rusage ? ISOLATE_SOURCE_RUSAGE : ISOLATE_SOURCE_SAMPLED;
    usage->memory_limit_reached = usage->is_out_of_memory;
    usage->processes_source = ISOLATE_SOURCE_SAMPLED;
    if (usage->processes_peak < 1)
        usage->processes_peak = 1;
}

const struct cgroup_functions cgroup_none_functions = {
    .join = cgroup_unshare, /* the cgroup is the embedder's: the program must not learn its path */
    .prepare = prepare,
    .begin = begin,
    .cpu_ns = cpu_ns,
    .sample = sample,
    .finish = finish,
};
