/*
 * The supervisor: the only process of this library with the embedder's rights on the host.
 *
 * It serves two requests of the embedder, to make and to destroy a slot, and watches its slots and the
 * embedder. It never reads a byte that a sandboxed program wrote: those go from the slot to the embedder
 * without passing here. It exits, and everything below it with it, when the embedder's pidfd or socket shows
 * that the embedder is gone.
 */
#include "process/supervisor.h"

#include <linux/mman.h>
#include <linux/mount.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/wait.h>

#include "accounting/cgroup.h"
#include "accounting/processes.h"
#include "config.h"
#include "failure.h"
#include "process/identity.h"
#include "process/plain_kill.h"
#include "process/slot.h"
#include "slot_state.h"
#include "sys.h"
#include "text.h"
#include "tree/bind_mounts.h"
#include "tree/devices.h"
#include "tree/overlay.h"
#include "tree/plain.h"

enum { SLOT_MAX = 1024 };
#define REPORT_TIMEOUT_NS ((int64_t)5000000000)
/* Shorter than the embedder's wait for the supervisor. */
#define BURY_TIMEOUT_NS ((uint64_t)8000000000)

struct slot_entry {
    uint32_t number; /* 0: free */
    int pid, pidfd;
    struct identity host;
    int sync;   /* requests of the slot: overlays for a writable root */
    int helper; /* the child that mounts them, or 0 */
};

static struct slot_entry entries[SLOT_MAX];
static const struct isolate_config *config;
static int is_leaving;

static void leave(void) __attribute__((noreturn));

static void report_slot(uint32_t type, uint32_t number, uint32_t uid, struct isolate_failure failure,
                        const int *fds, unsigned fd_count) {
    struct isolate_slot_record record = {type, number, uid, failure};
    if (is_leaving)
        return;
    struct sys_pollfd room = {ISOLATE_FD_SOCKET, SYS_POLLOUT, 0};
    int result;
    while ((result = sys_send(ISOLATE_FD_SOCKET, &record, sizeof record, fds, fd_count)) == -EAGAIN)
        /* The embedder's loop always reads. An embedder that has not read for this long counts as gone. */
        if (sys_poll(&room, 1, REPORT_TIMEOUT_NS) <= 0)
            break;
    if (result < 0)
        leave();
}

static int wait_for(int pid, int options) {
    return (int)SYS_CALL_4(__NR_wait4, pid, 0, options | __WALL, 0);
}

/* An image may lie where only the host's root has access, while the slot has another user. Safe: the slot
 * makes the tree read-only, and its contents are meant for programs. An ordinary user's slot has the same
 * user and opens the path itself. */
static int open_image(void) {
    if (config->image_root == 0 || config->id_source != ISOLATE_IDS_PRIVILEGED)
        return -1;
    return (int)SYS_CALL_3(__NR_open_tree, AT_FDCWD, config_text(config, config->image_root),
                           OPEN_TREE_CLONE | O_CLOEXEC | AT_RECURSIVE);
}

/* The caller's directories, too, may lie where only the host's root has access. Safe: the caller chose them
 * for programs to read, and the slot makes them read-only. */
static struct isolate_failure open_bind_mounts(struct slot *slot) {
    return config->id_source == ISOLATE_IDS_PRIVILEGED ? bind_mounts_open(config, slot->bind_mounts)
                                                       : failure_at(0, 0, 0);
}

static struct slot_entry *free_entry(void) {
    for (int i = 0; i < SLOT_MAX; i++)
        if (entries[i].number == 0)
            return &entries[i];
    return 0;
}

static void create_slot(uint32_t number) {
    struct slot slot = {.config = config,
                        .number = number,
                        .control = -1,
                        .request = -1,
                        .sync = -1,
                        .image = -1,
                        .devices = -1};
    struct isolate_failure failure = {0, 0, 0};
    int control[2] = {-1, -1}, request[2] = {-1, -1}, sync[2] = {-1, -1};
    int pid = -1, pidfd = -1;
    struct slot_entry *entry = free_entry();
    bind_mounts_begin(slot.bind_mounts);
    if (entry == 0 || number == 0) {
        failure = failure_at(ISOLATE_STAGE_CLONE_SLOT, -ENFILE, ISOLATE_DETAIL_CLONE_SLOT_PROCESS);
        goto done;
    }
    slot.host = identity_of(config, (uint32_t)(entry - entries));
    /* Without a user namespace only the host's ids exist. */
    int is_mapped = (config->features & ISOLATE_FEATURE_NAMESPACES) != 0;
    slot.uid = is_mapped ? config->program_uid : slot.host.program_uid;
    slot.gid = is_mapped ? config->program_uid : slot.host.program_gid;
    failure = cgroup_create(config, number, slot.host.slot_uid, &slot.cgroup);
    if (failure.stage == 0 && stage_is_forced_to_fail(config, ISOLATE_STAGE_CGROUP)) {
        cgroup_close(&slot.cgroup);
        cgroup_remove(config, number);
        failure = failure_at(ISOLATE_STAGE_CGROUP, -EIO, ISOLATE_CGROUP_MEMORY);
    }
    if (failure.stage != 0)
        goto done;
    slot.has_cgroup = 1;
    slot.image = open_image();
    failure = open_bind_mounts(&slot);
    if (failure.stage != 0)
        goto undo;
    if ((config->features & ISOLATE_FEATURE_NAMESPACES) && config->id_source == ISOLATE_IDS_PRIVILEGED)
        slot.devices =
            devices_create(config); /* if refused, the host's nodes are bound, and the layers show it */

    int type = SYS_SOCK_SEQPACKET | SYS_SOCK_CLOEXEC;
    long result = SYS_CALL_4(__NR_socketpair, SYS_AF_UNIX, type, 0, control);
    if (result == 0)
        result = SYS_CALL_4(__NR_socketpair, SYS_AF_UNIX, type, 0, request);
    if (result == 0)
        result = SYS_CALL_4(__NR_socketpair, SYS_AF_UNIX, type, 0, sync);
    if (result == 0 && stage_is_forced_to_fail(config, ISOLATE_STAGE_CLONE_SLOT))
        result = -EIO;
    if (result < 0) {
        failure = failure_at(ISOLATE_STAGE_CLONE_SLOT, result, ISOLATE_DETAIL_CLONE_SLOT_PROCESS);
        goto undo;
    }
    slot.control = control[1];
    slot.request = request[1];
    slot.sync = sync[1];
    pid = slot_start(&slot, sync[0], &pidfd, &failure);
    sync[1] = slot.sync;
    if (failure.stage != 0)
        goto undo;
    entry->number = number;
    entry->pid = pid;
    entry->pidfd = pidfd;
    entry->host = slot.host;
    entry->sync = -1;
    entry->helper = 0;
    pidfd = -1;
    if (config->features & ISOLATE_FEATURE_WRITABLE) {
        entry->sync = sync[0];
        sync[0] = -1;
    }
    int fds[2] = {control[0], request[0]};
    report_slot(ISOLATE_SLOT_CREATED, number, slot.host.program_uid, failure, fds, 2);
    goto done;

undo:
    if (pid > 0) {
        SYS_CALL_2(__NR_kill, pid, SYS_SIGKILL);
        wait_for(pid, 0);
    }
    cgroup_remove(config, number);
done:
    if (failure.stage != 0)
        report_slot(ISOLATE_SLOT_ENDED, number, 0, failure, 0, 0);
    if (slot.has_cgroup)
        cgroup_close(&slot.cgroup);
    sys_close_fd(&slot.image);
    bind_mounts_close(slot.bind_mounts);
    sys_close_fd(&slot.devices);
    sys_close_fd(&pidfd);
    for (int i = 0; i < 2; i++) {
        sys_close_fd(&control[i]);
        sys_close_fd(&request[i]);
        sys_close_fd(&sync[i]);
    }
}

static int is_slot(int pid) {
    for (int i = 0; i < SLOT_MAX; i++)
        if (entries[i].number != 0 && entries[i].pid == pid)
            return 1;
    return 0;
}

/* The children that are not slots. */
static unsigned list_orphan_children(const struct slot *dead, struct process *processes, unsigned most) {
    unsigned count = processes_children(dead, processes, most), others = 0;
    for (unsigned i = 0; i < count; i++)
        if (!is_slot(processes[i].pid))
            processes[others++] = processes[i];
    return others;
}

static unsigned list_orphans(const struct slot *dead, struct process *processes, unsigned most) {
    return processes_add_descendants(dead, processes, list_orphan_children(dead, processes, most), most);
}

/* Level minimal: when a slot dies during a run, the supervisor, as subreaper, becomes the parent of the run's
 * processes. Kills and reaps them. */
static int bury_orphans(const struct identity *host) {
    struct slot dead = {.config = config,
                        .host = *host,
                        .uid = host->program_uid,
                        .gid = host->program_gid,
                        .seat_pid = -1,
                        .looker_pid = -1,
                        .cell = {.init_pid = -1}};
    static struct process processes[PROCESSES_MAX];
    uint64_t end = sys_now_ns() + BURY_TIMEOUT_NS;
    unsigned count;
    dead.proc = sys_openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY, 0);
    for (;;) {
        unsigned left = 0;
        count = list_orphan_children(&dead, processes, PROCESSES_MAX);
        for (unsigned i = 0; i < count; i++)
            left += wait_for(processes[i].pid, WNOHANG) == 0;
        if (count == 0 || sys_now_ns() > end)
            break;
        if (left > 0) {
            if (host->program_uid != host->slot_uid)
                plain_kill(&dead);
            plain_kill_listed(&dead, list_orphans);
            sys_sleep_ns(200000);
        }
    }
    sys_close_fd(&dead.proc);
    return count == 0 ? 0 : -EBUSY;
}

/* The helper ends by itself, unless it is stopped. */
static void end_helper(struct slot_entry *entry) {
    if (entry->helper > 0) {
        SYS_CALL_2(__NR_kill, entry->helper, SYS_SIGKILL);
        wait_for(entry->helper, 0);
    }
    entry->helper = 0;
}

/* Reaps a slot that is dead or dying, and removes its cgroup. */
static void collect_slot(struct slot_entry *entry) {
    SYS_CALL_2(__NR_kill, entry->pid, SYS_SIGKILL);
    wait_for(entry->pid, 0);
    sys_close_fd(&entry->pidfd);
    sys_close_fd(&entry->sync);
    end_helper(entry); /* with its slot dead, no process waits for its answer */
    uint32_t number = entry->number;
    entry->number = 0; /* before the report: from here on another process may have the pid */
    int is_plain = !(config->features & ISOLATE_FEATURE_NAMESPACES), buried = 0;
    if (is_plain) /* first: these processes are in the cgroup */
        buried = bury_orphans(&entry->host);
    int removed = cgroup_remove(config, number);
    if (is_plain) {
        /* The removal goes up by "..", so it runs only when no process is left that could move a directory
         * and lead it elsewhere. */
        int cleared = buried < 0 ? buried : plain_remove_slot(config, number);
        removed = removed < 0 ? removed : cleared;
    }
    report_slot(ISOLATE_SLOT_ENDED, number, 0,
                failure_at(removed < 0 ? ISOLATE_STAGE_CGROUP : 0, removed, ISOLATE_CGROUP_MEMORY), 0, 0);
}

static void leave(void) {
    is_leaving = 1;
    for (int i = 0; i < SLOT_MAX; i++)
        if (entries[i].number != 0)
            SYS_CALL_2(__NR_kill, entries[i].pid, SYS_SIGKILL);
    for (int i = 0; i < SLOT_MAX; i++)
        if (entries[i].number != 0)
            collect_slot(&entries[i]);
    cgroup_remove_all(config);
    if (!(config->features & ISOLATE_FEATURE_NAMESPACES))
        plain_remove_all(config);
    sys_exit(0);
}

/* A slot requests the overlays of its writable root: a child of the supervisor mounts them in the slot's
 * mount namespace and answers; see overlay.c. */
static void answer_slot(struct slot_entry *entry) {
    char question;
    int namespaces[2];
    long n = sys_receive(entry->sync, &question, 1, namespaces, 2, SYS_MSG_DONTWAIT);
    if (n == -EAGAIN)
        return;
    end_helper(entry); /* the previous helper has answered: the slot waits for each answer */
    if (n == 1 && namespaces[1] >= 0) {
        int pid = (int)sys_clone(0, 0);
        if (pid == 0)
            overlay_mount_for_slot(config, &entry->host, entry->sync, namespaces, question == 'i');
        if (pid > 0)
            entry->helper = pid;
    }
    sys_close_fd(&namespaces[0]);
    sys_close_fd(&namespaces[1]);
    if (entry->helper == 0)
        sys_close_fd(&entry->sync); /* the slot then reads the end of file */
}

static void destroy_slot(uint32_t number) {
    for (int i = 0; i < SLOT_MAX; i++)
        if (entries[i].number == number && number != 0) {
            collect_slot(&entries[i]);
            return;
        }
    /* The slot ended by itself before this request came; the embedder still waits for an answer. */
    report_slot(ISOLATE_SLOT_ENDED, number, 0, failure_at(0, 0, 0), 0, 0);
}

static void handle_request(void) {
    struct isolate_slot_record record;
    sys_result n = sys_receive(ISOLATE_FD_SOCKET, &record, sizeof record, 0, 0, 0);
    if (n <= 0)
        leave();
    if (n != sizeof record)
        return;
    if (record.type == ISOLATE_CREATE_SLOT)
        create_slot(record.slot);
    else if (record.type == ISOLATE_DESTROY_SLOT)
        destroy_slot(record.slot);
}

static const struct isolate_config *map_config(void) {
    uint32_t bytes = 0;
    if (sys_pread(ISOLATE_FD_CONFIG, &bytes, sizeof bytes, 0) != sizeof bytes ||
        bytes < sizeof(struct isolate_config))
        return 0;
    long address = SYS_CALL_6(__NR_mmap, 0, bytes, PROT_READ, MAP_PRIVATE, ISOLATE_FD_CONFIG, 0);
    return sys_is_error(address) ? 0 : (const struct isolate_config *)address;
}

/* Lifts the embedder's limits as far as its hard limits allow: they are not meant for the programs. */
static void lift_limits(void) {
    static const int resources[] = {RLIMIT_CPU,        RLIMIT_FSIZE, RLIMIT_DATA, RLIMIT_STACK,
                                    RLIMIT_RSS,        RLIMIT_NPROC, RLIMIT_AS,   RLIMIT_LOCKS,
                                    RLIMIT_SIGPENDING, RLIMIT_NOFILE};
    for (unsigned i = 0; i < sizeof resources / sizeof resources[0]; i++) {
        struct {
            uint64_t soft, hard;
        } limit = {~0ull, ~0ull};
        if (SYS_CALL_4(__NR_prlimit64, 0, resources[i], &limit, 0) == 0)
            continue;
        SYS_CALL_4(__NR_prlimit64, 0, resources[i], 0, &limit);
        limit.soft = limit.hard;
        SYS_CALL_4(__NR_prlimit64, 0, resources[i], &limit, 0);
    }
}

/* An embedder's protection from the OOM killer is not passed on to programs. */
static void drop_oom_protection(void) {
    char score[16];
    int CLEANUP_CLOSE fd = sys_openat(AT_FDCWD, "/proc/self/oom_score_adj", O_RDWR, 0);
    if (fd >= 0 && text_read(fd, score, sizeof score) > 0 && score[0] == '-')
        sys_write(fd, "0", 1);
}

void supervisor_main(void) {
    struct isolate_slot_record ready = {.type = ISOLATE_SUPERVISOR_READY};
    lift_limits();
    drop_oom_protection();
    /* Without CAP_SYS_PTRACE no process may trace this one or read its memory; every process below inherits
     * this. */
    sys_prctl(PR_SET_DUMPABLE, 0);
    sys_prctl(PR_SET_NAME, (unsigned long)"isolate-super");
    config = map_config();
    if (config == 0)
        ready.failure = failure_at(ISOLATE_STAGE_CONFIG, -EINVAL, 0);
    else if (stage_is_forced_to_fail(config, ISOLATE_STAGE_CONFIG))
        ready.failure = failure_at(ISOLATE_STAGE_CONFIG, -EIO, 0);
    else /* a failed set-up is reported, and the run's limits are enforced without a cgroup */
        ready.failure = cgroup_setup(config);
    int is_plain = config != 0 && !(config->features & ISOLATE_FEATURE_NAMESPACES);
    if (is_plain && ready.failure.stage != ISOLATE_STAGE_CONFIG) {
        struct isolate_failure failure = plain_setup(config);
        if (failure.stage != 0)
            ready.failure = failure;
        /* The supervisor becomes the parent of processes that a dying slot leaves. */
        sys_prctl(PR_SET_CHILD_SUBREAPER, 1);
    }
    sys_send(ISOLATE_FD_SOCKET, &ready, sizeof ready, 0, 0);
    if (ready.failure.stage == ISOLATE_STAGE_CONFIG || ready.failure.stage == ISOLATE_STAGE_DIRECTORIES) {
        if (config != 0)
            cgroup_remove_all(config);
        sys_exit(1);
    }
    for (;;) {
        static struct sys_pollfd fds[2 * SLOT_MAX + 2];
        static struct slot_entry *owners[2 * SLOT_MAX + 2];
        unsigned count = 0;
        fds[count++] = (struct sys_pollfd){ISOLATE_FD_SOCKET, SYS_POLLIN, 0};
        fds[count++] = (struct sys_pollfd){ISOLATE_FD_OWNER, SYS_POLLIN, 0};
        for (int i = 0; i < SLOT_MAX; i++)
            if (entries[i].number != 0) {
                owners[count] = &entries[i];
                fds[count++] = (struct sys_pollfd){entries[i].pidfd, SYS_POLLIN, 0};
                owners[count] = &entries[i];
                fds[count++] = (struct sys_pollfd){entries[i].sync, SYS_POLLIN, 0};
            }
        if (sys_poll(fds, count, -1) < 0)
            continue;
        if (fds[1].revents != 0)
            leave();
        for (unsigned i = 2; i < count; i += 2) {
            if (fds[i].revents != 0)
                collect_slot(owners[i]);
            else if (fds[i + 1].revents != 0)
                answer_slot(owners[i]);
        }
        if (fds[0].revents != 0)
            handle_request();
    }
}
