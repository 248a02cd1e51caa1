/*
 * No cgroup: what rlimits cannot bound is looked at from time to time, and what was not seen is not told.
 *
 * Memory is the anonymous and shared memory that the processes have mapped. What nobody has mapped is not
 * seen: files of a tmpfs (the disk limit bounds them), a memory file that is only written, pipes, the
 * kernel's own. The next look comes before the rest of the limit could be used up, and RLIMIT_DATA stands
 * behind it. CPU time is read from each process's own clock; of a process that nobody waited for, what it
 * used since the last look is lost. RLIMIT_NPROC refuses processes beyond the limit, by user and user
 * namespace. Where the user has others there than ours, it is set above their number with some room, since
 * that changes; whoever is then seen with more than the limit is ended.
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
    PARTS_LEAST = 4 << 20, /* small processes that come and go are not worth the waiting */
    SHARED_ROOM = 64,      /* processes that a user may start elsewhere during a run */
    OURS = 3,              /* slot, seat and looker, when a cell is prepared */
    DOUBT_NS = 32000000,
    LOOK_SHARE = 5,         /* at most one part in so many is spent on looking */
    PROCESSES_SLACK = 2,    /* those that die while we count may be counted twice */
    NS_PER_TICK = 10000000, /* USER_HZ, in which proc counts */
};

/* CPU time of the run's processes. */
static struct {
    unsigned count;
    struct clock {
        int pid;
        uint64_t ns;
    } clocks[PROCESSES_MAX];
    uint64_t gone_ns;  /* of those that are dead, as they were last seen */
    uint64_t total_ns; /* the most that was ever proven */
} cpu;

static uint64_t doubt_since_ns; /* memory has perhaps been above its limit since then; 0: no */
static struct process processes[PROCESSES_MAX];
static uint64_t resident_of[PROCESSES_MAX], tables_of[PROCESSES_MAX];

static struct isolate_failure prepare(struct slot *slot) {
    cpu.count = 0;
    cpu.gone_ns = cpu.total_ns = doubt_since_ns = 0;
    slot->cell.processes_base = 0;
    /* Without a user namespace the program itself asks, when it begins. */
    if (!has_own_user(slot) && has_feature(slot, ISOLATE_FEATURE_NAMESPACES)) {
        uint64_t count = nproc_count(OURS);
        slot->cell.processes_base = count + 1; /* init comes after this */
        if (count > OURS)                      /* a kernel before 5.14 counts on the whole host */
            slot->cell.processes_base += SHARED_ROOM;
    }
    return failure_at(0, 0, 0);
}

static struct isolate_failure begin(const struct slot *slot, const struct isolate_limits *limits,
                                    uint64_t *memory_base_bytes, uint64_t *cpu_base_ns) {
    (void)slot;
    (void)limits;
    *memory_base_bytes = 0; /* exec leaves nothing of what this process holds */
    *cpu_base_ns = looks_process_clock(0);
    return failure_at(0, 0, 0);
}

/* CPU time of the dead children that a process waited for, and of theirs. */
static uint64_t read_waited(const struct slot *slot, int entry) {
    char text[1024];
    enum { CUTIME = 16, CSTIME = 17 };
    if (processes_read(slot, entry, "stat", text, sizeof text) <= 0)
        return 0;
    return (text_stat_field(text, CUTIME) + text_stat_field(text, CSTIME)) * NS_PER_TICK;
}

/* Takes a process's clock out of those of the last look; 0 if it is new. */
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
            cpu.gone_ns += before; /* dead; if the number is in use again, by another */
        living += now[i].ns;
        waited += read_waited(slot, processes[i].entry);
    }
    for (unsigned i = 0; i < cpu.count; i++)
        if (cpu.clocks[i].pid != 0)
            cpu.gone_ns += cpu.clocks[i].ns;
    memcpy(cpu.clocks, now, count * sizeof now[0]);
    cpu.count = count;
    /* Each of the two leaves something out, and some of the dead are in both. */
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

/* Anonymous and shared memory of one process, its page tables, and its threads. */
static uint64_t read_resident(const struct slot *slot, int entry, uint64_t *threads, uint64_t *tables) {
    char text[4096];
    struct process all[8];
    *tables = 0;
    if (processes_read(slot, entry, "status", text, sizeof text) <= 0)
        return 0;
    *threads = text_find(text, "Threads:", 0);
    /* An orphan that waits to be buried by us is no process of the program's any more. */
    if (*threads == 1 && text_contains_after(text, "State:", "Z") &&
        (int)text_find(text, "PPid:", 0) == processes_own_entry(slot))
        *threads = 0;
    /* When the first thread has left, its file shows no memory, though the others have it all. */
    unsigned count = text_find(text, "RssAnon:", ~0ull) == ~0ull && *threads > 1
                         ? processes_threads(slot, entry, all, sizeof all / sizeof all[0])
                         : 0;
    for (unsigned i = 0; i < count && text_find(text, "RssAnon:", ~0ull) == ~0ull; i++)
        if (all[i].entry != entry)
            processes_read(slot, all[i].entry, "status", text,
                           sizeof text); /* also found under its own number */
    *tables = kilobytes(text, "VmPTE:");
    return kilobytes(text, "RssAnon:") + kilobytes(text, "RssShmem:") + *tables;
}

/* A process's part of what it shares with others of the run after a fork; `all` when it cannot be read. 0: it
 * cannot be told now, so `all` may be too much. */
static int read_own_part(const struct slot *slot, int entry, uint64_t all, uint64_t *part) {
    int n = looker_read_part(slot, entry, part);
    if (n == -ESRCH && processes_threads(slot, entry, (struct process[2]){{0, 0}}, 2) < 2)
        *part = 0; /* it has died meanwhile */
    else if (n <= 0 || *part > all)
        *part = all;
    return n != -EAGAIN;
}

enum sharing { NOT_SHARED, SHARED, PERHAPS_SHARED };

/* Between vfork and exec two processes have one memory. A container may forbid to ask: then it may be. */
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

/* `doubtful`: what may be counted twice. */
static uint64_t read_parts(const struct slot *slot, unsigned count, uint64_t *doubtful) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < count; i++) {
        enum sharing sharing = resident_of[i] > 0 ? has_memory_of_another(i) : SHARED;
        if (sharing == SHARED)
            continue;
        uint64_t part;
        int is_certain = read_own_part(slot, processes[i].entry, resident_of[i] - tables_of[i], &part) &&
                         sharing == NOT_SHARED;
        part += tables_of[i];
        *(is_certain ? &sum : doubtful) += part;
    }
    return sum;
}

/* No child stays that long between vfork and exec: what is still there is memory of its own. */
static uint64_t settle_doubt(uint64_t resident, uint64_t doubtful, uint64_t limit, uint64_t now_ns) {
    if (resident > limit || resident + doubtful <= limit)
        doubt_since_ns = 0;
    else if (doubt_since_ns == 0)
        doubt_since_ns = now_ns;
    else if (now_ns - doubt_since_ns >= DOUBT_NS)
        return resident + doubtful;
    return resident;
}

static uint64_t sample(struct slot *slot, const struct isolate_ready_record *ready,
                       struct cgroup_usage *usage) {
    uint64_t begin_ns = sys_now_ns(), resident = 0, doubtful = 0, threads = 0, largest = 0,
             limit = ready->limits.memory_bytes;
    unsigned count = processes_list(slot, processes, PROCESSES_MAX);
    look_at_clocks(slot, count);
    for (unsigned i = 0; i < count; i++) {
        uint64_t own_threads = 0;
        resident_of[i] = read_resident(slot, processes[i].entry, &own_threads, &tables_of[i]);
        resident += resident_of[i];
        largest = resident_of[i] > largest ? resident_of[i] : largest;
        threads += own_threads;
    }
    /* The sum counts what is shared once for each. The exact figure takes long, so only where it matters. */
    if (count > 1 && resident > usage->resident_bytes && resident > PARTS_LEAST)
        resident = read_parts(slot, count, &doubtful);
    /* What one process has alone is no doubt, though its part could not be read. */
    if (resident < largest)
        resident = largest;
    resident = settle_doubt(resident, doubtful, limit, begin_ns);
    if (resident > usage->resident_bytes)
        usage->resident_bytes = resident;
    if (threads > usage->processes_peak)
        usage->processes_peak = threads;
    /* A refusal leaves no trace. Of a limit of one every program would have reached it. */
    if (threads >= ready->limits.processes && threads > 1)
        usage->processes_limit_hit = 1;
    if (resident > limit)
        usage->is_out_of_memory = 1;
    /* RLIMIT_NPROC does not hold the host's root, and the user's other processes may have left room. */
    if (threads > PROCESSES_SLACK * ready->limits.processes)
        usage->is_over_processes = 1;
    uint64_t wait = looks_next_ns(resident < limit && doubt_since_ns == 0 ? limit - resident : 0);
    uint64_t cost = LOOK_SHARE * (sys_now_ns() - begin_ns);
    return wait < cost ? cost : wait;
}

static void finish(struct slot *slot, const struct isolate_ready_record *ready, struct cgroup_usage *usage) {
    (void)slot;
    (void)ready;
    /* wait4 knows all that was waited for, to the end; the looks know what was not. */
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
    .join = cgroup_unshare, /* it is the embedder's: the program shall not learn its path */
    .prepare = prepare,
    .begin = begin,
    .cpu_ns = cpu_ns,
    .sample = sample,
    .finish = finish,
};
