/*
 * Level minimal: ends a run that has no pid namespace, which would end with its init.
 *
 * The slot is the run's subreaper, so every process of the run stays below the slot, which finds and kills it
 * there.
 */
#include "process/plain_kill.h"

#include <linux/resource.h>
#include <linux/wait.h>

#include "accounting/processes.h"
#include "credentials.h"
#include "slot_state.h"
#include "sys.h"

enum { FREEZE_PASSES = 16 };

/* Kills all processes of the program's user id, which this slot alone uses. It is one call, so no process can
 * fork meanwhile. 0, or -errno when there is no room for the process that makes the call. */
static int kill_user(const struct slot *slot) {
    long pid = sys_clone(0, 0);
    if (pid == 0) {
        /* Safe: it becomes the program's user first, so it can signal only that user's processes. */
        if (SYS_CALL_3(__NR_setresuid, slot->uid, slot->uid, slot->uid) == 0 &&
            credentials_drop_all_capabilities() == 0) /* in a container it may be uid 0 */
            SYS_CALL_2(__NR_kill, -1, SYS_SIGKILL);
        sys_exit(0);
    }
    if (pid > 0)
        SYS_CALL_4(__NR_wait4, pid, 0, __WALL, 0);
    return pid < 0 ? (int)pid : 0;
}

/* Kills the processes one by one. First all of them lose the right to fork, so that they cannot multiply
 * faster than they are killed: until the first kill, the limit of processes itself bounds them. */
void plain_kill_listed(const struct slot *slot, processes_lister *list) {
    static struct process processes[PROCESSES_MAX];
    static const uint64_t none[2] = {0, 0};
    unsigned count = 0, before;
    for (int pass = 0; pass < FREEZE_PASSES; pass++) {
        before = count;
        count = list(slot, processes, PROCESSES_MAX);
        for (unsigned i = 0; i < count; i++)
            SYS_CALL_4(__NR_prlimit64, processes[i].pid, RLIMIT_NPROC, none, 0);
        if (count == before)
            break;
    }
    for (unsigned i = 0; i < count; i++)
        SYS_CALL_2(__NR_kill, processes[i].pid, SYS_SIGKILL);
}

void plain_kill(const struct slot *slot) {
    if (!has_own_user(slot) || kill_user(slot) < 0)
        plain_kill_listed(slot, processes_list);
}
