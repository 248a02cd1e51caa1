/*
 * Follows one run from the program's `ready` to its end, and records what ended it.
 *
 * The first cause wins. Time comes from the slot's clock, CPU time and memory from the kernel's counters
 * (cgroup.h): no signal, exit status or output of the program counts as evidence that a limit was met.
 */
#include "process/run.h"

#include <asm/ioctl.h>
#include <linux/ptrace.h>
#include <linux/resource.h>
#include <linux/seccomp.h>
#include <linux/wait.h>

#include "accounting/cgroup.h"
#include "accounting/container_use.h"
#include "accounting/evidence.h"
#include "accounting/locks.h"
#include "accounting/looks.h"
#include "accounting/processes.h"
#include "answer.h"
#include "failure.h"
#include "process/cell.h"
#include "process/control.h"
#include "process/processors.h"
#include "process/trace.h"
#include "slot_state.h"
#include "sys.h"
#include "tree/kept_files.h"

enum { SAMPLE_FIRST_NS = 1000000, SAMPLE_LAST_NS = 32000000, CPU_CHECK_LEAST_NS = 500000 };
/* Looking at the CPU time or the disk takes at most one part in this many. */
enum { CPU_CHECK_SHARE = 20, DISK_LOOK_SHARE = 5 };
/* Stops and notifications of an ordinary run; orphans that the slot reaps in one round. */
enum { SERVICES_FREE = 64, DEAD_AT_ONCE = 64 };
/* More than this process ever has resident before exec. */
enum { BEFORE_EXEC_MOST = 8 << 20 };

struct run {
    struct slot *slot;
    struct isolate_ready_record ready;
    struct isolate_run_record record;
    struct trace_evidence evidence;
    struct cgroup_usage usage;
    uint32_t sampled_hits;
    int is_ready, is_reaped;
    int is_over; /* the end is decided */
    uint64_t next_cpu_ns, next_sample_ns, sample_interval_ns, next_disk_ns;
    uint64_t end_ns;
    uint64_t user_us, system_us, max_resident_bytes;
    int may_have_more; /* wait4 may have more children */
    struct lock_calls lock_calls;
    unsigned choices_of_processors, services; /* stops and notifications that were answered */
    uint64_t service_base_ns;
};

/* Kills every process of the run, unless that was done already. */
static void end_run(struct run *run, uint32_t end) {
    if (run->is_over)
        return;
    run->is_over = 1;
    run->record.ended_ns = sys_now_ns();
    run->record.end = end;
    cell_kill(run->slot);
}

static void fail_run(struct run *run, struct isolate_failure failure) {
    run->record.failure = failure;
    end_run(run, ISOLATE_END_FAILURE);
}

static void read_channel(struct run *run) {
    struct slot *slot = run->slot;
    union {
        struct isolate_ready_record ready;
        struct isolate_status_record status;
    } record;
    sys_result n = sys_receive(slot->cell.channel, &record, sizeof record, 0, 0, SYS_MSG_DONTWAIT);
    if (n == -EAGAIN)
        return;
    if (n <= 0) {
        sys_close_fd(&slot->cell.channel); /* exec closed the other end, or the process died */
    } else if (n == sizeof record.ready && record.ready.type == ISOLATE_PROGRAM_READY && !run->is_ready) {
        run->ready = record.ready;
        run->is_ready = slot->cell.has_begun = 1;
        run->record.serial = record.ready.serial;
        /* A second look: the embedder withdraws what the run is not to have. */
        if (kept_take(record.ready.flags) < 0)
            fail_run(run, failure_at(ISOLATE_STAGE_PROTOCOL, -EPERM, ISOLATE_DETAIL_PROTOCOL_RECORD));
        run->sample_interval_ns = SAMPLE_FIRST_NS;
        run->next_sample_ns = record.ready.start_ns + SAMPLE_FIRST_NS;
        run->next_cpu_ns = record.ready.start_ns + record.ready.limits.cpu_ns / slot->config->processors;
    } else if (n == sizeof record.status && record.status.type == ISOLATE_PROGRAM_FAILED) {
        run->record.serial = record.status.bytes;
        fail_run(run, record.status.failure);
    } else {
        fail_run(run, failure_at(ISOLATE_STAGE_PROTOCOL, -EBADMSG, ISOLATE_DETAIL_PROTOCOL_RECORD));
    }
}

/* The slot's own CPU time for the program: the first services cost every run the same and are not counted; a
 * storm of them counts for the run. */
static void note_service(struct run *run) {
    if (++run->services == SERVICES_FREE)
        run->service_base_ns = looks_process_clock(0);
}

static uint64_t service_ns(const struct run *run) {
    return run->services < SERVICES_FREE ? 0 : looks_process_clock(0) - run->service_base_ns;
}

/* Safe to continue: the decision depends on no memory, which another thread could change. */
static void answer_told(struct run *run, const struct seccomp_notif *notification, enum told_call call) {
    struct slot *slot = run->slot;
    struct seccomp_notif_resp response = {.id = notification->id};
    switch (call == CHOICE_OF_PROCESSORS ? LOCK_GO_ON : locks_answer(slot, &run->lock_calls, call)) {
    case LOCK_TOO_MANY:
        run->record.hits |= ISOLATE_HIT_MEMORY;
        end_run(run, ISOLATE_END_MEMORY);
        return;
    case LOCK_REFUSE:
        response.error = -ENOLCK;
        break;
    default:
        response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    }
    SYS_CALL_3(__NR_ioctl, slot->cell.listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

static void read_listener(struct run *run) {
    struct slot *slot = run->slot;
    struct seccomp_notif notification;
    memset(&notification, 0, sizeof notification);
    long result = SYS_CALL_3(__NR_ioctl, slot->cell.listener, SECCOMP_IOCTL_NOTIF_RECV, &notification);
    if (result < 0)
        return; /* the caller died meanwhile */
    note_service(run);
    enum told_call told = answer_is_told(&notification.data, shares_user(slot));
    if (told == CHOICE_OF_PROCESSORS && has_own_processors(&run->ready.limits) &&
        run->choices_of_processors++ > 0)
        told = NOT_MERELY_TOLD; /* the first one comes from the program's process before exec */
    if (told != NOT_MERELY_TOLD) {
        answer_told(run, &notification, told);
        return;
    }
    struct isolate_syscall call = {notification.data.arch, (uint32_t)notification.data.nr};
    struct answer answer = answer_to(&slot->config->answers, &notification.data);
    if (answer_ends_run(answer, run->ready.flags)) {
        if (!run->is_over)
            run->record.blocked = call;
        end_run(run, ISOLATE_END_BLOCKED);
        return; /* the caller stays in its call until it is killed */
    }
    answer_note_denied(&run->record, call);
    struct seccomp_notif_resp response = {.id = notification.id, .error = -answer.error};
    SYS_CALL_3(__NR_ioctl, slot->cell.listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

static void read_control(struct run *run) {
    struct isolate_prepare_record word;
    if (!control_receive(run->slot, &word, SYS_MSG_DONTWAIT) || word.type != ISOLATE_END_RUN)
        return;
    if (!run->is_ready || word.serial == run->record.serial)
        end_run(run, word.end == ISOLATE_END_OUTPUT ? ISOLATE_END_OUTPUT : ISOLATE_END_CANCEL);
}

static void note_end(struct run *run, int status, const struct rusage *usage) {
    run->slot->cell.program_pid = -1;
    run->is_reaped = 1;
    run->end_ns = sys_now_ns();
    run->record.wait_status = status;
    run->user_us = (uint64_t)usage->ru_utime.tv_sec * 1000000u + (uint64_t)usage->ru_utime.tv_usec;
    run->system_us = (uint64_t)usage->ru_stime.tv_sec * 1000000u + (uint64_t)usage->ru_stime.tv_usec;
    run->max_resident_bytes = (uint64_t)usage->ru_maxrss * 1024;
}

static void handle_stop(struct run *run, int pid, int status) {
    struct slot *slot = run->slot;
    note_service(run);
    if (pid != slot->cell.program_pid) {
        trace_release_stranger(pid);
        return;
    }
    if (!run->is_ready && slot->cell.channel >= 0)
        read_channel(run); /* the record has its limits */
    if (run->is_ready && sys_stop_event(status) == PTRACE_EVENT_EXIT)
        cgroup_last_look(slot, &run->ready, &run->usage);
    trace_handle_stop(slot, status, &run->ready.limits, run->ready.exact_date_ns, &run->evidence);
}

static void bury(struct run *run, int pid, int status, const struct rusage *usage) {
    struct slot *slot = run->slot;
    if (pid == slot->cell.program_pid)
        note_end(run, status, usage);
    else if (pid == slot->cell.init_pid)
        slot->cell.init_pid = -1;
    else if (pid == slot->seat_pid) {
        slot->seat_pid = -1;
        slot->is_retired = 1; /* killed by the cgroup's OOM kill: this slot ends after this sandbox */
    }
}

/* Reaps some children and handles one stop at most, so that no storm of them delays the clocks. The next
 * round takes the others. */
static void reap(struct run *run) {
    uint8_t drained[128];
    sys_read(run->slot->child_signals, drained, sizeof drained);
    for (int i = 0; i < DEAD_AT_ONCE; i++) {
        int status = 0;
        struct rusage usage;
        long pid = SYS_CALL_4(__NR_wait4, -1, &status, WNOHANG | __WALL, &usage);
        run->may_have_more = pid > 0;
        if (pid <= 0)
            return;
        if (sys_has_stopped(status)) {
            handle_stop(run, (int)pid, status);
            return;
        }
        bury(run, (int)pid, status, &usage);
    }
}

static void end_full(struct run *run) {
    run->sampled_hits |= ISOLATE_HIT_DISK;
    end_run(run, ISOLATE_END_PROGRAM);
}

/* Ends a run that is above its disk limit where no quota bounds it. Returns in how many ns the next sample is
 * due at the latest. */
static uint64_t look_at_disk(struct run *run, uint64_t now) {
    struct slot *slot = run->slot;
    if (host_disk_is_full(slot))
        run->sampled_hits |= ISOLATE_HIT_HOST_DISK;
    if (has_feature(slot, ISOLATE_FEATURE_NAMESPACES)) {
        run->sampled_hits |= evidence_of_files(slot, &run->ready, 0);
    } else if (has_feature(slot, ISOLATE_FEATURE_CONTAINER)) {
        uint64_t room = container_look(slot);
        if (room == 0)
            end_full(run);
        return looks_next_ns(room);
    } else if (now >= run->next_disk_ns) {
        /* A walk over many files takes long, and memory is not sampled meanwhile. */
        uint64_t begin = sys_now_ns();
        if (disk_is_full(slot))
            end_full(run);
        uint64_t end = sys_now_ns();
        run->next_disk_ns = end + DISK_LOOK_SHARE * (end - begin);
    }
    return ~0ull;
}

static void look_at_clocks(struct run *run) {
    struct slot *slot = run->slot;
    const struct isolate_limits *limits = &run->ready.limits;
    uint64_t now = sys_now_ns();
    if (!run->is_ready || run->is_over)
        return;
    if (now - run->ready.start_ns >= limits->wall_ns) {
        end_run(run, ISOLATE_END_WALL);
        return;
    }
    if (now >= run->next_cpu_ns) {
        uint64_t used = cgroup_cpu_ns(slot), cost = sys_now_ns() - now;
        used = (used > run->ready.cpu_base_ns ? used - run->ready.cpu_base_ns : 0) + service_ns(run);
        if (used >= limits->cpu_ns) {
            end_run(run, ISOLATE_END_CPU);
            return;
        }
        /* Not before all processors together could have used up the rest. */
        uint64_t wait = (limits->cpu_ns - used) / slot->config->processors;
        uint64_t least =
            CPU_CHECK_LEAST_NS > CPU_CHECK_SHARE * cost ? CPU_CHECK_LEAST_NS : CPU_CHECK_SHARE * cost;
        run->next_cpu_ns = now + (wait < least ? least : wait);
    }
    if (now >= run->next_sample_ns) {
        uint64_t latest = cgroup_sample(slot, &run->ready, &run->usage), disk = look_at_disk(run, now);
        if (disk < latest)
            latest = disk;
        if (run->usage.is_out_of_memory)
            end_run(run, ISOLATE_END_MEMORY); /* settle_end decides between limit and host */
        if (run->usage.is_over_processes)
            end_run(run, ISOLATE_END_PROGRAM); /* settle_hits adds the limit that was hit */
        if (run->sample_interval_ns < SAMPLE_LAST_NS)
            run->sample_interval_ns *= 2;
        run->next_sample_ns = now + (latest < ~0ull ? latest : run->sample_interval_ns);
    }
}

static int64_t time_to_wait(const struct run *run) {
    if (!run->is_ready || run->is_over)
        return -1;
    uint64_t next = run->ready.start_ns + run->ready.limits.wall_ns, now = sys_now_ns();
    if (run->next_cpu_ns < next)
        next = run->next_cpu_ns;
    if (run->next_sample_ns < next)
        next = run->next_sample_ns;
    return next > now ? (int64_t)(next - now) : 0;
}

static void wait_for_event(struct run *run) {
    struct slot *slot = run->slot;
    struct sys_pollfd fds[4] = {{slot->child_signals, SYS_POLLIN, 0},
                                {slot->control, SYS_POLLIN, 0},
                                {slot->cell.listener, SYS_POLLIN, 0},
                                {slot->cell.channel, SYS_POLLIN, 0}};
    look_at_clocks(run); /* before any other event, which the program may produce at will */
    sys_result n = sys_poll(fds, 4, run->may_have_more ? 0 : time_to_wait(run));
    if (run->may_have_more)
        reap(run);
    if (n > 0) {
        if (fds[3].revents != 0)
            read_channel(run);
        if (fds[2].revents & SYS_POLLIN)
            read_listener(run);
        else if (fds[2].revents != 0)
            sys_close_fd(&slot->cell.listener); /* the filter's last process has ended */
        if (fds[1].revents != 0)
            read_control(run);
        if (fds[0].revents != 0)
            reap(run);
    }
}

/* Kills the processes that the program left behind, before the counters are read. */
static void kill_survivors(struct run *run) {
    struct slot *slot = run->slot;
    int has_namespace = has_feature(slot, ISOLATE_FEATURE_NAMESPACES);
    if ((slot->cell.init_pid > 0 || !has_namespace) && (run->is_over || processes_exist(slot))) {
        if (run->is_ready)
            cgroup_last_look(slot, &run->ready, &run->usage);
        cell_kill(slot);
        cell_reap(slot);
    }
}

static void settle_end(struct run *run) {
    struct isolate_run_record *record = &run->record;
    const struct isolate_limits *limits = &run->ready.limits;
    if (run->usage.is_out_of_memory &&
        (record->end == ISOLATE_END_PROGRAM || record->end == ISOLATE_END_MEMORY))
        record->end = run->usage.memory_limit_reached ? ISOLATE_END_MEMORY : ISOLATE_END_HOST_OOM;
    record->ended_ns = trace_end_ns(&run->evidence, run->usage.is_out_of_memory ? 0 : record->ended_ns);
    if (record->end == ISOLATE_END_PROGRAM && record->cpu_ns > limits->cpu_ns)
        record->end = ISOLATE_END_CPU;
    if (record->end == ISOLATE_END_PROGRAM && record->wall_ns > limits->wall_ns)
        record->end = ISOLATE_END_WALL;
}

static void settle_hits(struct run *run) {
    struct isolate_run_record *record = &run->record;
    /* The tracer sees the first process's own writes. For its children only the file is evidence, and only
     * when the program exited with an error of its own. */
    int has_failed = sys_has_failed(record->wait_status);
    record->hits |= run->sampled_hits | evidence_of_files(run->slot, &run->ready, has_failed);
    if (has_failed && host_disk_is_full(run->slot))
        record->hits |= ISOLATE_HIT_HOST_DISK;
    if (run->evidence.stack_overflow)
        record->hits |= ISOLATE_HIT_STACK;
    if (run->evidence.file_size)
        record->hits |= ISOLATE_HIT_FILE_SIZE;
    if (run->evidence.open_files)
        record->hits |= ISOLATE_HIT_OPEN_FILES;
    if (run->usage.processes_limit_hit)
        record->hits |= ISOLATE_HIT_PROCESSES;
    if (run->usage.is_out_of_memory && run->usage.memory_limit_reached)
        record->hits |= ISOLATE_HIT_MEMORY;
}

/* The kernel's exact peak, of the largest process. Mapped files of a disk are not the run's memory; those of
 * a tmpfs, shared memory among them, count as far as the cgroup's peak has room for them, since it counts
 * what the run itself brought in. rusage also includes this process before exec, so it counts only where a
 * child must have been the largest. */
static uint64_t own_resident_peak(const struct run *run) {
    const struct trace_evidence *evidence = &run->evidence;
    uint64_t peak = evidence->peak_resident_bytes, shared = evidence->shared_resident_bytes;
    uint64_t charged = run->usage.memory_peak_bytes;
    int is_counted = run->slot->cgroup.kind != ISOLATE_CGROUP_NONE;
    if (peak == 0 && is_counted) /* unknown: its own is at most what was charged */
        return run->max_resident_bytes < charged ? run->max_resident_bytes : charged;
    if (peak == 0 || (run->max_resident_bytes > peak && run->max_resident_bytes > BEFORE_EXEC_MOST))
        peak = run->max_resident_bytes;
    uint64_t mapped = evidence->file_resident_bytes + shared, own = peak > mapped ? peak - mapped : 0;
    if (!is_counted)
        return own + shared - evidence->program_file_bytes;
    uint64_t room = charged > own + run->slot->config->charge_batch_bytes ? charged - own : 0;
    own += shared < room ? shared : room;
    return own < run->ready.limits.memory_bytes ? own : run->ready.limits.memory_bytes;
}

static void settle_usage(struct run *run) {
    struct slot *slot = run->slot;
    struct isolate_run_record *record = &run->record;
    /* Samples do not tell the program's file apart. For the limit it counts: it must hide no memory. */
    if (!run->usage.is_out_of_memory && run->usage.resident_bytes > run->evidence.program_file_bytes)
        run->usage.resident_bytes -= run->evidence.program_file_bytes;
    uint64_t sampled_resident = run->usage.resident_bytes;
    run->usage.rusage_cpu_ns = (run->user_us + run->system_us) * 1000;
    run->usage.rusage_resident_bytes = own_resident_peak(run); /* without a cgroup, memory's too */
    cgroup_finish(slot, &run->ready, &run->usage);
    uint64_t own_resident = own_resident_peak(run);
    /* A cgroup's statistics lag behind its counters, which enforce the limit. */
    if (slot->cgroup.kind != ISOLATE_CGROUP_NONE && sampled_resident > run->ready.limits.memory_bytes)
        sampled_resident = run->ready.limits.memory_bytes;
    record->wall_ns = run->end_ns - run->ready.start_ns;
    record->cpu_ns = run->usage.cpu_ns + service_ns(run);
    /* Only the proportion comes from rusage: the sum is the cgroup's, which also counts processes that no
     * parent waited for. */
    uint64_t split = run->user_us + run->system_us;
    record->user_ns = record->cpu_ns / 1000 * (split == 0 ? 1000 : run->user_us * 1000 / split);
    record->system_ns = record->cpu_ns - record->user_ns;
    record->peak_memory_bytes = run->usage.memory_peak_bytes;
    record->resident_source =
        sampled_resident > own_resident ? ISOLATE_SOURCE_SAMPLED : ISOLATE_SOURCE_RUSAGE;
    record->resident_peak_bytes = sampled_resident > own_resident ? sampled_resident : own_resident;
    /* The peak changes in charge batches and can be below the sampled value. */
    if (record->peak_memory_bytes < record->resident_peak_bytes)
        record->peak_memory_bytes = record->resident_peak_bytes;
    record->memory_resolution_bytes = slot->config->charge_batch_bytes;
    record->peak_processes = (uint32_t)run->usage.processes_peak;
    record->cpu_source = run->usage.cpu_source;
    record->memory_source = run->usage.memory_source;
    record->processes_source = run->usage.processes_source;
}

struct isolate_run_record run_follow(struct slot *slot) {
    static struct run run;
    memset(&run, 0, sizeof run);
    run.slot = slot;
    run.record.type = ISOLATE_RUN_ENDED;
    run.record.layers = slot->cell.layers;
    if (has_feature(slot, ISOLATE_FEATURE_CONTAINER)) /* the cell may have waited for a long time */
        container_begin_looks(slot);
    run.may_have_more = 1; /* the slot may have read the signal already */
    while (!run.is_reaped)
        wait_for_event(&run);
    if (slot->cell.channel >= 0) /* a last record: why exec failed */
        read_channel(&run);
    if (slot->cell.channel >= 0 && run.is_ready)
        read_channel(&run);
    kill_survivors(&run);
    if (run.is_ready) {
        settle_usage(&run);
        settle_end(&run);
        settle_hits(&run);
    } else if (!run.is_over) {
        run.record.end = ISOLATE_END_FAILURE;
        run.record.failure = failure_at(ISOLATE_STAGE_REQUEST, -EPIPE, ISOLATE_DETAIL_REQUEST_ENDED);
    }
    return run.record;
}
