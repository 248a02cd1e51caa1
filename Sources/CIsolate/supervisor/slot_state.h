/*
 * One slot: the state that its processes share, and what kind of slot it is.
 *
 *     supervisor   process/supervisor.c   root on the host: makes cgroups and slots, cleans up after slots
 *     └─ slot      process/slot.c, run.c  pid 1 and root of a user namespace: one sandbox, one run at a time
 *        ├─ seat   process/seat.c         sits in the program's cgroup, clones the program's process there
 *        ├─ init   process/init.c         pid 1 of the cell: owns its mounts, reaps orphans
 *        └─ program process/program.c     waits for a request, puts its limits in force, execs
 *
 * Every process below the supervisor is a clone of the same small image; only the program execs. So each
 * clone has a copy of the slot's state, and later changes by one process are not visible to the others.
 */
#ifndef ISOLATE_SLOT_STATE_H
#define ISOLATE_SLOT_STATE_H

#include "isolate_protocol.h"

/* Ids as the host sees them. */
struct identity {
    uint32_t slot_uid, slot_gid, program_uid, program_gid;
};

/* The files that account for a slot's runs, named as on v1; -1 where the kind has no such file. See
 * accounting/cgroup.h. */
struct cgroup {
    uint32_t kind; /* enum isolate_cgroup_kind */
    int has_namespace;
    /* v2: the slot's directory, as a mount of its own without a way out, and the next run's */
    int slot_dir, run_dir;
    uint32_t run_number;
    int memory_limit, swap_limit, tcp_limit, memory_usage, memory_peak, memory_events, memory_stat, reclaim;
    int pids_max, pids_current, pids_events, pids_peak;
    int cpu_usage;
    int procs[ISOLATE_CGROUP_COUNT];
};

/* The counters' values when a run began. */
struct cgroup_base {
    uint64_t oom_kills, pids_events, pids_peak;
    uint64_t resident_bytes;            /* v1 */
    uint64_t memory_peak, limit_events; /* container: before the run */
};

/* In the order in which init sends them. */
enum { CELL_PID, CELL_MOUNT, CELL_IPC, CELL_UTS, CELL_NETWORK, CELL_NAMESPACES };

/* The cell of the next run, or of the current one. */
struct cell {
    int init_pid;                    /* or -1 */
    int namespaces[CELL_NAMESPACES]; /* of init, for the program's process to join; later only CELL_MOUNT */
    int program_pid;                 /* or -1 */
    int has_begun;                   /* its run has: before that, what the process does is the slot's */
    int channel;                     /* carries the records of the program's process before exec */
    int listener;                    /* seccomp notifications */
    int status;                      /* the program's /proc/PID/status, or -1 */
    uint32_t layers;
    int was_full;            /* the quota was used up before the run */
    uint64_t processes_base; /* no cgroup: what RLIMIT_NPROC counts besides the program */
    struct cgroup_base base;
};

/* For a writable root. */
struct writable_state {
    uint64_t base_bytes, base_inodes; /* of the scratch tmpfs: its use before any program */
    int has_lower_ids;                /* the lower layers are idmapped */
};

/* For level minimal. */
struct plain_state {
    int tmp; /* O_PATH of its /tmp, or -1 */
};

/* For a slot in a container. */
struct container_state {
    /* With a writable root: bytes free on its disk, use found by the last walk and its time; when the sandbox
     * began. */
    uint64_t root_free, root_found, root_looked_ns, opened_ns;
    uint64_t root_rest_ns;                 /* no new walk before this time */
    uint64_t root_walk_ns, root_walk_free; /* when the current walk began */
    int is_root_walked;
    uint64_t held_bytes;                /* memory of files and content, which the current request says */
    uint64_t floor_bytes, floor_inodes; /* use of its mounts before the run, which ends no run */
};

struct slot {
    const struct isolate_config *config;
    uint32_t number;
    struct identity host;
    uint32_t uid, gid; /* the program's, inside the slot's user namespace if there is one */
    int control;       /* records from and to the embedder */
    int request;       /* RUN records; read only by the program's process */
    /* From and to the supervisor: "the ids are mapped", and overlays for a writable root. */
    int sync;
    int image;                               /* an image's tree, to be mounted, or -1 */
    int devices;                             /* a separate /dev, to be mounted, or -1 */
    int bind_mounts[ISOLATE_BIND_MOUNT_MAX]; /* trees of the caller's directories, to be mounted, or -1 */
    int has_devices;                         /* the slot has a separate /dev */
    int shares_inodes;                       /* some files of its root share the host's inodes */
    int has_cgroup;
    struct cgroup cgroup;
    /* O_PATH of the slot's own /proc, or of the outer one without ISOLATE_FEATURE_PROC. */
    int proc;
    int work;            /* O_PATH of the open sandbox's /work, or -1 */
    int kept;            /* O_PATH of the tmpfs with the files that it keeps between sandboxes, or -1 */
    int own_mounts;      /* its own mount namespace, or -1 */
    uint64_t disk_bytes; /* the disk limit in force */
    int seat;            /* records from and to the seat */
    int seat_pid, seat_pidfd;
    int looker, looker_pid; /* without a memory cgroup: its socket; else -1 */
    int child_signals;      /* signalfd of SIGCHLD */
    int is_retired;         /* the seat died: the slot takes no further sandbox */
    uint64_t ended_serial;  /* the last run whose end was reported */
    struct cell cell;
    struct writable_state writable;
    struct plain_state plain;
    struct container_state container;
};

static inline int has_own_user(const struct slot *slot) {
    return slot->host.program_uid != slot->host.slot_uid;
}

static inline int has_feature(const struct slot *slot, enum isolate_feature feature) {
    return (slot->config->features & (uint32_t)feature) != 0;
}

/* The run has its own namespaces and root, made by the slot or by a container engine. Otherwise, at level
 * minimal, it uses the embedder's. */
static inline int has_own_tree(const struct slot *slot) {
    return has_feature(slot, ISOLATE_FEATURE_NAMESPACES) || has_feature(slot, ISOLATE_FEATURE_CONTAINER);
}

/* Level minimal, where the program has the embedder's user id. */
static inline int shares_user(const struct slot *slot) {
    return !has_own_tree(slot) && !has_own_user(slot);
}

#endif
