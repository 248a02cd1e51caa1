/*
 * Tells whether a run does nothing but wait for its stdin, from facts of the kernel.
 *
 * The answer is INPUT only for what can be known for certain: the run has one process with one thread; it
 * sleeps in read(2) of descriptor 0, which is a pipe; and no signal that a timer of its own sends is caught.
 * It is OWN for a single thread that runs, or sleeps for a time. Any other run is unknown: it may wait, or go
 * on by itself.
 *
 * Two answers INPUT with the same number of context switches and the same CPU time mean that the thread slept
 * all the time in between. The kernel tells a thread's call only when it has left the processor, so a later
 * reading of its context switches has that sleep in it: a thread that was woken and sleeps again has one
 * more.
 */
#include "process/look.h"

#include <asm/stat.h>
#include <linux/stat.h>

#include "accounting/cgroup.h"
#include "accounting/processes.h"
#include "credentials.h"
#include "sys.h"
#include "text.h"

enum { STATUS_BYTES = 8192, CALL_BYTES = 256 };

/* Signals that no timer sends unless it is told to: of the terminal, of faults, of pipes and of children.
 * Python catches SIGINT, and C++ programs those of faults. */
static const uint8_t harmless[] = {1, 2, 3, 4, 5, 6, 7, 8, 11, 13, 15, 17, 28};

static uint64_t caught_signals(const char *status) {
    uint64_t caught = 0;
    for (const char *p = status; *p != 0; p++)
        if ((p == status || p[-1] == '\n') && text_begins(p, "SigCgt:")) {
            for (p += text_length("SigCgt:"); *p == ' ' || *p == '\t'; p++) {
            }
            for (; *p != 0 && *p != '\n'; p++)
                caught = caught << 4 | (uint64_t)(*p >= 'a' ? *p - 'a' + 10 : *p - '0');
            break;
        }
    return caught;
}

/* Whether a timer of its own could end the sleep, and let the program go on. */
static int may_be_woken(const struct slot *slot, int entry, const char *status) {
    char timers[CALL_BYTES];
    uint64_t caught = caught_signals(status);
    for (unsigned i = 0; i < sizeof harmless; i++)
        caught &= ~((uint64_t)1 << (harmless[i] - 1));
    return caught != 0 || processes_read(slot, entry, "timers", timers, sizeof timers) > 0;
}

static int is_pipe(const struct slot *slot, int entry) {
    char path[64], number[24];
    struct stat status;
    text_number(number, (uint64_t)entry);
    const char *parts[] = {number, "/fd/0", 0};
    return text_join(path, sizeof path, parts) == 0 &&
           SYS_CALL_4(__NR_newfstatat, slot->proc, path, &status, 0) == 0 &&
           (status.st_mode & S_IFMT) == S_IFIFO;
}

/* What a single thread does. `call`: its /proc/PID/syscall: the number, then the arguments; "running" when it
 * runs or may run; empty when nobody can tell. */
static int activity(const struct slot *slot, int entry, const char *call, const char *status) {
    if (text_begins(call, "running") || text_contains_after(status, "State:", "R"))
        return ISOLATE_ACTIVITY_OWN;
    if (call[0] < '0' || call[0] > '9' || !text_contains_after(status, "State:", "S"))
        return ISOLATE_ACTIVITY_UNKNOWN;
    uint64_t number = text_parse(call);
    while (*call != 0 && *call != ' ')
        call++;
    if (number == __NR_nanosleep || number == __NR_clock_nanosleep)
        return ISOLATE_ACTIVITY_OWN;
    return number == __NR_read && text_begins(call, " 0x0 ") && is_pipe(slot, entry) &&
                   !may_be_woken(slot, entry, status)
               ? ISOLATE_ACTIVITY_INPUT
               : ISOLATE_ACTIVITY_UNKNOWN;
}

/* Reads the call first: see above. */
static void look(const struct slot *slot, struct isolate_status_record *answer) {
    static char status[STATUS_BYTES];
    char call[CALL_BYTES] = "";
    struct process processes[2];
    unsigned count = processes_list(slot, processes, 2);
    if (count != 1 || processes[0].pid != slot->cell.program_pid)
        return;
    int entry = processes[0].entry;
    if (processes_read(slot, entry, "syscall", call, sizeof call) <= 0)
        call[0] = 0;
    if (processes_read(slot, entry, "status", status, sizeof status) <= 0 ||
        text_find(status, "Threads:", 0) != 1)
        return;
    answer->identity = text_find(status, "voluntary_ctxt_switches:", 0) +
                       text_find(status, "nonvoluntary_ctxt_switches:", 0);
    answer->value = activity(slot, entry, call, status);
}

void look_answer(struct slot *slot) {
    struct isolate_status_record answer = {.type = ISOLATE_LOOKED};
    if (slot->cell.program_pid > 0 && slot->cell.has_begun) {
        credentials_begin_look(slot);
        look(slot, &answer);
        credentials_end_look(slot);
        answer.bytes = cgroup_cpu_ns(slot);
    }
    if (sys_send_blocking(slot->control, &answer, sizeof answer, 0, 0) < 0)
        sys_exit(0); /* the embedder is gone */
}
