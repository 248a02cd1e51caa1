/*
 * The supervisor's parts and what they share.
 *
 *   supervisor   (supervisor.c)  root on the host: makes cgroups and slots, removes what a slot leaves
 *   └─ slot      (slot.c, run.c) pid 1 and root of a user namespace: one sandbox at a time, one run at a time
 *      ├─ seat   (seat.c)        sits in the program's cgroup and clones the program's process there
 *      ├─ init   (init.c)        pid 1 of the cell: owns its mounts, reaps orphans, does nothing else
 *      └─ program (program.c)    waits for a request, puts its limits in force, and execs
 *
 * Every process below the supervisor is a clone of the same small image: no exec but the program's own.
 */
#ifndef ISOLATE_SUPERVISOR_H
#define ISOLATE_SUPERVISOR_H

#include "answer.h"
#include "cgroup.h"
#include "isolate_protocol.h"
#include "sys.h"

/* In the order in which init sends them. */
enum { CELL_PID, CELL_MOUNT, CELL_IPC, CELL_UTS, CELL_NETWORK, CELL_NAMESPACES };

/* Ids on the host. */
struct identity {
    uint32_t slot_uid, slot_gid, program_uid, program_gid;
};

/* One slot: everything its processes know. */
struct slot {
    const struct isolate_config *config;
    uint32_t number;
    struct identity host;
    uint32_t uid, gid; /* the program's, as the slot sees it: inside the user namespace, if there is one */
    int control;       /* records from and to the embedder */
    int request;       /* RUN records; read only by the program's process */
    int sync;          /* the supervisor: "the ids are mapped", and overlays for a writable root */
    int image;         /* an image's tree, not mounted yet, or -1 */
    int devices;       /* a /dev of its own, not mounted yet, or -1 */
    int has_devices;   /* it has one */
    int shares_inodes; /* some files of its root are the host's own inodes */
    int has_cgroup;
    struct cgroup cgroup;
    int proc;            /* O_PATH of the slot's own /proc; without ISOLATE_FEATURE_PROC, of the outer one */
    int work;            /* O_PATH of /work of the open sandbox, or -1 */
    int tmp;             /* level minimal: O_PATH of its /tmp, or -1 */
    uint64_t disk_bytes; /* the limit in force */
    uint64_t scratch_base_bytes, scratch_base_inodes; /* a writable root's own */
    int has_lower_ids;                                /* the lower layers are idmapped */
    int seat;                                         /* records from and to the seat */
    int seat_pid, seat_pidfd;
    int looker, looker_pid; /* without a cgroup: its socket; else -1 */
    int child_signals;      /* signalfd of SIGCHLD */
    int is_retired;         /* the seat died: no further sandbox */
    uint64_t ended_serial;  /* the last run whose end was reported */
    /* the cell */
    int init_pid;
    int namespaces[CELL_NAMESPACES]; /* init's, for the program's process to join */
    int program_pid;
    int channel;  /* records from the program's process before exec */
    int listener; /* seccomp notifications */
    uint32_t layers;
    uint64_t processes_base; /* no cgroup: what RLIMIT_NPROC counts besides the program */
    int is_traced;           /* level minimal: the program's process is */
    int was_full;            /* the quota was used up before the run */
    /* container */
    /* With a writable root: bytes free beneath it, what was found in it, and when; when the sandbox began. */
    uint64_t root_free, root_found, root_looked_ns, opened_ns;
    uint64_t root_rest_ns;                 /* until then it is not looked at again */
    uint64_t root_walk_ns, root_walk_free; /* when the look that goes on began */
    int is_root_walked;
    uint64_t content_bytes;             /* of the request under way, as long as it is read */
    uint64_t floor_bytes, floor_inodes; /* what its places held before the run: no run is ended for that */
    struct cgroup_base base;
};

/* The program has a user id of its own on the host: none of ours, nor the embedder's. */
static inline int has_own_user(const struct slot *slot) {
    return slot->host.program_uid != slot->host.slot_uid;
}

static inline const char *config_text(const struct isolate_config *config, uint32_t offset) {
    return (const char *)config + offset;
}

static inline struct isolate_failure failure_at(int stage, long result, int index) {
    struct isolate_failure failure = {stage, result < 0 ? (int)-result : 0, index};
    return failure;
}

/* Tests name a stage that is to fail, so that every path of undoing is walked. */
static inline int stage_is_forced_to_fail(const struct isolate_config *config, int stage) {
    return config->fail_stage == (uint32_t)stage;
}

static inline int has_feature(const struct slot *slot, enum isolate_feature feature) {
    return (slot->config->features & (uint32_t)feature) != 0;
}

/* Namespaces and a root of the run's own kind: made by the slot, or by a container engine. Else, at level
 * minimal, the run lives in the embedder's. */
static inline int has_own_tree(const struct slot *slot) {
    return has_feature(slot, ISOLATE_FEATURE_NAMESPACES) || has_feature(slot, ISOLATE_FEATURE_CONTAINER);
}

/* Level minimal with the embedder's own user id. */
static inline int shares_user(const struct slot *slot) {
    return !has_own_tree(slot) && !has_own_user(slot);
}

void supervisor_main(void) __attribute__((noreturn));

/* supervisor.c: a slot's process, in its own namespaces where there are any, its ids mapped. `sync`: our end
 * of slot->sync. pid, or -errno; a pid with a failure is one that must be killed. */
int slot_start(struct slot *slot, int sync, int *pidfd, struct isolate_failure *failure);

/* agent.c: the first process of a container. */
void agent_main(void) __attribute__((noreturn));

/* identity.c */
struct identity identity_of(const struct isolate_config *config, uint32_t index);
/* Around the clone of a slot: what the kernel counts for whoever made a user namespace (inotify, message
 * queues, signals, processes) is counted for the slot's own id, and not for the embedder's. */
void identity_begin_creation(const struct isolate_config *config, const struct identity *id);
void identity_end_creation(const struct isolate_config *config);
/* The slot, with its own proc: what it may count for its maker where that is the embedder's user all the
 * same. */
void identity_bound_quotas(const struct slot *slot);
/* The supervisor, for a slot's process. */
int identity_write_maps(const struct isolate_config *config, const struct identity *id, int pid);
/* The slot: does its own part and waits for the supervisor's. */
int identity_be_mapped(const struct slot *slot);

/* slot.c: the body of a slot's process. */
void slot_main(struct slot *slot) __attribute__((noreturn));

/* network.c: with the caller's rights over its own network namespace. 0, or -errno. */
int network_bring_loopback_up(void);
/* Of the namespace that the caller is in. */
void network_bound_buffers(const struct slot *slot);
/* Sockets of one run would be in the way of the next: each cell has a namespace of its own then. Without any,
 * the slot's serves them all. */
int network_is_per_cell(const struct slot *slot);

/* root.c: the slot's own mount tree: read-only rootfs, /dev, /etc, /proc; the host's is gone afterwards. */
struct isolate_failure root_build(struct slot *slot);
/* Below `root`, parents included; 0, a descriptor, or -errno. */
int root_make_directory(int root, const char *path, int mode);
int root_make_empty_file(int root, const char *path);
int root_make_file(int root, const struct isolate_config *config, const struct isolate_file *file);
int root_make_link(int root, const char *to, const char *path);
/* A copy of a file of the slot's mount namespace, with its mode. */
int root_make_copy(int root, const char *path, const char *from);

/* devices.c, for the supervisor: a mount that nobody has mounted yet, or -errno. */
#define DEVICES_PREFIX "dev/"
int devices_create(const struct isolate_config *config);

/* overlay.c: the writable root. */
int overlay_add_lower(int root, uint32_t index, int tree, int is_directory);
struct isolate_failure overlay_create(struct slot *slot);
/* The body of the supervisor's child; `namespaces`: the slot's user and mount namespace. */
void overlay_mount_for_slot(const struct isolate_config *config, const struct identity *id, int socket,
                            const int namespaces[2], int is_first) __attribute__((noreturn));

/* plain.c: level minimal. The supervisor's part … */
struct isolate_failure plain_setup(const struct isolate_config *config);
int plain_remove_slot(const struct isolate_config *config, uint32_t number);
void plain_remove_all(const struct isolate_config *config);
/* … and the slot's. */
struct isolate_failure plain_scratch_create(struct slot *slot);
void plain_scratch_remove(struct slot *slot);
void plain_kill(const struct slot *slot);
int plain_path(const struct slot *slot, const char *below, char *out, size_t bytes);
/* Empties a directory that nobody else uses any more; its own entry stays. 0, or -errno. */
int plain_empty(const char *path);

/* nproc.c: whether one process more than now is within this RLIMIT_NPROC. */
int nproc_has_room(uint64_t limit);
/* The user's processes and threads, this one included; near `guess` they are found with few tries. */
uint64_t nproc_count(uint64_t guess);

/* container.c: /work, /tmp and /dev/shm that an engine made, for one sandbox after another. */
struct isolate_failure container_open(struct slot *slot);
/* Removes what a sandbox left in every place that it could write to; -EBUSY: not everything went. */
int container_wipe(struct slot *slot);
/* What outlives its processes and belongs to one run: System V IPC, message queues. */
void container_end_run(struct slot *slot);
int container_is_full(struct slot *slot);
/* While a run goes on: bytes that it may still write; 0: it is full. */
uint64_t container_look(struct slot *slot);
/* A run begins. */
void container_begin_looks(struct slot *slot);
/* What is there from now on is from before the run. */
void container_note_use(struct slot *slot);
/* Memory of its files, in bytes. */
uint64_t container_held(const struct slot *slot);
/* Whether a limit of so many bytes is above what its places hold. */
int container_holds_less(uint64_t bytes);
int container_has_room(const struct slot *slot, uint64_t bytes);

/* root.c: the tmpfs behind /work, /tmp and /dev/shm. */
struct isolate_failure scratch_create(struct slot *slot, uint64_t disk_bytes);
struct isolate_failure scratch_resize(struct slot *slot, uint64_t disk_bytes);
void scratch_remove(struct slot *slot);
/* evidence.c */
int scratch_is_full(struct slot *slot);
/* Whether files that no quota bounds lie on a disk without room: the host's, or the engine's. */
int host_disk_is_full(const struct slot *slot);

/* cell.c: makes and ends the cell of the next run. */
struct isolate_failure cell_prepare(struct slot *slot);
void cell_destroy(struct slot *slot);
/* Kills every process of the cell; cell_reap then waits until they are gone. */
void cell_kill(struct slot *slot);
void cell_reap(struct slot *slot);
int cell_exists(const struct slot *slot);
/* cell.c: the seat's answer, or -EPIPE when it is dead. */
int seat_receive(struct slot *slot, struct isolate_status_record *reply);

/* init.c, seat.c, program.c: bodies of the processes of a slot. */
void init_main(const struct slot *slot, int result_socket) __attribute__((noreturn));
void seat_main(struct slot *slot, int socket) __attribute__((noreturn));
struct seat_request { /* ISOLATE_SEAT_FORK */
    uint32_t type;
    int32_t channel;
    int32_t namespaces[CELL_NAMESPACES];
    struct cgroup cgroup; /* the seat's copies are as old as the seat */
    int32_t work, tmp;
    uint64_t processes_base;
};
void program_main(struct slot *slot, const struct seat_request *request) __attribute__((noreturn));

/* members.c: the processes of the run. */
enum { MEMBERS_MAX = 1024 };
struct member {
    int pid;   /* ours: for kill, clocks, ptrace */
    int entry; /* in slot->proc, and of no use anywhere else */
};
/* A file below the directory of an entry of slot->proc. The descriptor, or how much was read; or -errno. */
int members_open(const struct slot *slot, int entry, const char *file, int flags);
long members_read(const struct slot *slot, int entry, const char *file, char *out, size_t bytes);
typedef unsigned members_lister(const struct slot *slot, struct member *members, unsigned most);
members_lister members_list;
/* The threads of one process, by their entries only. */
unsigned members_threads(const struct slot *slot, int entry, struct member *threads, unsigned most);
/* Also when that cannot be told. */
int members_exist(const struct slot *slot);
/* Whether slot->proc can tell at all. */
int members_are_visible(const struct slot *slot);
/* The children of this very process. */
members_lister members_children;
/* Adds the descendants of the `count` processes that are in the list. */
unsigned members_add_descendants(const struct slot *slot, struct member *members, unsigned count,
                                 unsigned most);
/* Our own entry in slot->proc, or 0. */
int members_own_entry(const struct slot *slot);
/* The entry in slot->proc of a child of ours, or 0. */
int members_entry(const struct slot *slot, int pid);

/* looker.c: without a cgroup. 0, or -errno. */
int looker_start(struct slot *slot);
/* A process's part of what it shares with others; 1 or more, -EAGAIN when that cannot be told in time, or
 * another -errno. */
int looker_read_part(const struct slot *slot, int entry, uint64_t *bytes);

/* plain.c: kills whom `list` lists, at that moment. */
void plain_kill_listed(const struct slot *slot, members_lister *list);

/* run.c: follows one run from the program's `ready` to its end. */
struct isolate_run_record run_follow(struct slot *slot);

/* trace.c: what the tracer learns from the program's main thread. */
struct trace_evidence {
    int stack_overflow;
    int file_size;
    int open_files;
    uint64_t peak_resident_bytes; /* since exec, at the exit of the first thread; 0: not known */
    uint64_t file_resident_bytes, shared_resident_bytes; /* of it, then: mapped files, of a tmpfs apart */
};
int trace_attach(int pid);
void trace_handle_stop(struct slot *slot, int status, const struct isolate_limits *limits,
                       struct trace_evidence *evidence);
/* Lets somebody go on who stopped for us and is not the program's first process: nobody else would. */
void trace_release_stranger(int pid);

/* locks.c: what a call that may take a record lock is answered. Counts it, too. */
struct lock_calls {
    unsigned of_files, of_processes, uncounted;
    int have_own_tables; /* threads, perhaps: their locks are seen nowhere */
};
enum lock_answer { LOCK_GO_ON, LOCK_REFUSE, LOCK_TOO_MANY };
enum lock_answer locks_answer(const struct slot *slot, struct lock_calls *calls, enum told_call call);

/* evidence.c: limits that leave their mark in /work and /tmp. */
/* Begins to count the bytes of the root file system that were written since `since_ns`, other mounts left
 * out. */
void evidence_begin_root(const struct slot *slot, uint64_t since_ns);
/* Goes on with it for some hundred entries, or to its end. Returns 1 when all was counted. */
int evidence_step_root(const struct slot *slot, int is_last, uint64_t *bytes);
uint32_t evidence_of_files(struct slot *slot, const struct isolate_ready_record *ready, int has_failed);

/* files.c: opens a file of /work for the embedder and sends it the descriptor. */
/* The question came without the descriptor that belongs to it. */
void file_refuse(struct slot *slot, long result);
void file_answer(struct slot *slot, struct isolate_file_record *record, int content);

/* credentials.c */
/* Nobody but root may trace this process or look into it; again after each change of ids. */
void credentials_hide(const struct isolate_config *config);
int credentials_become_slot_root(const struct slot *slot);
/* What the slot makes belongs to the program; it keeps its capabilities. */
void credentials_make_files_as_program(const struct slot *slot);
/* The program's ids and none of the slot's capabilities, where files are concerned. And back, from both. */
void credentials_act_as_program(const struct slot *slot);
void credentials_act_as_slot(const struct slot *slot);
/* Around reading those files of a program's process in /proc that are not everybody's. */
void credentials_begin_look(const struct slot *slot);
void credentials_end_look(const struct slot *slot);
int credentials_drop_bounding_set(void);
int credentials_renounce_root(void);
int credentials_drop_all_capabilities(void);
int credentials_become_program(const struct slot *slot);

/* landlock.c */
int landlock_restrict(const struct slot *slot);

#endif
