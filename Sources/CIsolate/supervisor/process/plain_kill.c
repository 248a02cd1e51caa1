/*
 * Level minimal: the end of a run where no pid namespace ends with its init.
 *
 * The slot is the subreaper of the run, so every process of it stays below the slot, and is found and killed
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

/* Everybody with the program's own user id: it is this slot's alone. One call, so nobody forks meanwhile.
 * 0, or -errno when there is no process left to do it with. */
static int kill_user(const struct slot *slot) {
    long pid = sys_clone(0, 0);
    if (pid == 0) {
        /* Safe: it becomes the program's user before, so nobody else is within its reach. */
        if (SYS_CALL_3(__NR_setresuid, slot->uid, slot->uid, slot->uid) == 0 &&
            credentials_drop_all_capabilities() == 0) /* in a container it may be uid 0 */
            SYS_CALL_2(__NR_kill, -1, SYS_SIGKILL);
        sys_exit(0);
    }
    if (pid > 0)
        SYS_CALL_4(__NR_wait4, pid, 0, __WALL, 0);
    return pid < 0 ? (int)pid : 0;
}

/* One by one. First all of them lose the right to fork, so that they do not outrun us: as long as nobody is
 * killed, the limit of processes itself ends a storm. */
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
