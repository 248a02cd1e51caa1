/*
 * A container as a sandbox: /work, /tmp and /dev/shm are tmpfs that an engine mounted, the root is read-only.
 *
 * One sandbox after another uses them, so whatever one leaves must be removed before the next. The slot kills
 * every process first; then a child with only the program's ids removes files, message queues and System V
 * objects. Only the program could have made any: all other places belong to root. When that child cannot
 * remove something, the slot retires, and the container with it. A writable root is never used again.
 */
#include "tree/container.h"

#include <linux/ipc.h>
#include <linux/wait.h>

#include "accounting/container_use.h"
#include "accounting/processes.h"
#include "config.h"
#include "credentials.h"
#include "failure.h"
#include "slot_state.h"
#include "sys.h"
#include "tree/plain.h"

enum { WIPE_TRIES = 200 };

struct isolate_failure container_open(struct slot *slot) {
    slot->work = sys_openat(AT_FDCWD, container_directories[0], O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
    slot->container.root_found = slot->container.root_rest_ns = 0;
    slot->container.floor_bytes = slot->container.floor_inodes = 0;
    slot->container.opened_ns = sys_clock_ns(SYS_CLOCK_REALTIME_COARSE);
    if (slot->work >= 0 && stage_is_forced_to_fail(slot->config, ISOLATE_STAGE_SCRATCH)) {
        sys_close_fd(&slot->work);
        slot->work = -EIO;
    }
    struct isolate_failure failure =
        failure_at(slot->work < 0 ? ISOLATE_STAGE_SCRATCH : 0, slot->work, ISOLATE_DETAIL_SCRATCH_MOUNT);
    if (failure.stage != 0)
        slot->work = -1;
    return failure;
}

/* A kind of System V object; argument `command_at` of `call` is its command. */
struct object_kind {
    const char *table;
    long call;
    int command_at;
};

static void remove_object(const struct object_kind *kind, uint64_t number) {
    long arguments[] = {(long)number, 0, 0};
    arguments[kind->command_at] = IPC_RMID;
    SYS_CALL_4(kind->call, arguments[0], arguments[1], arguments[2], 0);
}

/* The number of each object is in the second column of the table. Returns how many there are. */
static int for_each_object(const struct object_kind *kind, int remove) {
    char text[512];
    int count = 0, column = 0, is_first_line = 1, is_number = 0;
    uint64_t number = 0;
    int CLEANUP_CLOSE file = sys_openat(AT_FDCWD, kind->table, O_RDONLY, 0);
    long n;
    while (file >= 0 && (n = sys_read(file, text, sizeof text)) > 0)
        for (long i = 0; i < n; i++) {
            char c = text[i];
            if (c >= '0' && c <= '9') {
                if (!is_number)
                    column++, number = 0;
                is_number = 1;
                number = number * 10 + (uint64_t)(c - '0');
                continue;
            }
            if (is_number && column == 2 && !is_first_line) {
                count++;
                if (remove)
                    remove_object(kind, number);
            }
            is_number = c == '-'; /* a negative key is a column, too */
            if (c == '-')
                column++, number = 0;
            if (c == '\n')
                is_first_line = column = is_number = 0;
        }
    return count;
}

static int count_objects(int remove) {
    static const struct object_kind kinds[] = {{"/proc/sysvipc/shm", __NR_shmctl, 1},
                                               {"/proc/sysvipc/msg", __NR_msgctl, 1},
                                               {"/proc/sysvipc/sem", __NR_semctl, 2}};
    int count = 0;
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        count += for_each_object(&kinds[i], remove);
    return count;
}

static int has_entries(const char *path) {
    struct sys_entries entries;
    int CLEANUP_CLOSE dir = sys_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    sys_begin_entries(&entries, dir);
    return dir >= 0 && sys_next_entry(&entries) != 0;
}

/* Runs in a child with the program's ids and no capability, so it has exactly the program's access. */
static void __attribute__((noreturn)) wipe_as_program(const struct slot *slot, int first) {
    long result = credentials_become_program(slot);
    /* Repeated: removing one object may make room in the table for the next. */
    for (int i = 0; i < 8 && result == 0 && count_objects(1) > 0; i++) {
    }
    for (int i = first; i < CONTAINER_DIRECTORIES && result == 0; i++)
        plain_empty(container_directories[i]);
    sys_exit(result == 0 ? 0 : 1);
}

static void run_wipe(const struct slot *slot, int first) {
    long pid = sys_clone(0, 0);
    if (pid == 0)
        wipe_as_program(slot, first);
    if (pid > 0)
        SYS_CALL_4(__NR_wait4, pid, 0, __WALL, 0);
}

void container_end_run(struct slot *slot) {
    if (has_feature(slot, ISOLATE_FEATURE_WRITABLE))
        container_end_looks(slot);
    if (count_objects(0) > 0 || has_entries(container_directories[CONTAINER_DIRECTORIES - 1]))
        run_wipe(slot, CONTAINER_DIRECTORIES - 1);
}

static int is_clean(struct slot *slot) {
    int is_dirty = count_objects(0) > 0 || processes_exist(slot);
    for (int i = 0; i < CONTAINER_DIRECTORIES; i++)
        is_dirty |= has_entries(container_directories[i]);
    return !is_dirty && container_holds_nothing();
}

int container_wipe(struct slot *slot) {
    run_wipe(slot, 0);
    /* The kernel frees some things of a dead process later, such as a file without a name in a socket's
     * queue. */
    for (int i = 0; i < WIPE_TRIES; i++) {
        if (is_clean(slot))
            return 0;
        sys_sleep_ns(1000000);
    }
    return -EBUSY;
}
