/*
 * isolate: runs untrusted programs under namespaces, cgroups, seccomp, Landlock and rlimits.
 *
 * This header alone is enough for a judge in C or C++; the Swift library uses the same functions. It needs no
 * definition before it, _GNU_SOURCE neither, and compiles as C11 and C++11.
 *
 * Link with libisolate, which carries the supervisor; `make install` and `make deb` give it:
 *
 *     cc judge.c $(pkg-config --cflags --libs isolate)
 *     cc judge.c -l:libisolate.a -lseccomp -lcap -pthread
 *
 * The second has the library inside the program. Examples/c-judge is such a judge.
 *
 * Functions return 0, or -errno and write the step that failed to a struct isolate_failure: whoever checks
 * only the returned number misses no failure. Where 0 or a positive number is an answer the comment says so.
 * Functions without a result cannot fail. Nothing here prints or exits. Several threads may use a
 * supervisor; only one thread at a time may use a sandbox.
 *
 * In one thread, blocking:
 *     isolate_supervisor_start -> isolate_sandbox_open -> isolate_sandbox_write / _run / _read ->
 *     isolate_sandbox_close -> isolate_supervisor_stop
 * With the caller's own event loop: the record functions at the end.
 */
#ifndef ISOLATE_H
#define ISOLATE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "isolate_protocol.h"

#ifdef __cplusplus
extern "C" {
#endif
/* What follows is all that libisolate.so exports: its other symbols are hidden. */
#pragma GCC visibility push(default)

/* ---- the version ---- */

/* Of this header. Before 1.0 a new minor version may change the interface. */
#define ISOLATE_VERSION_MAJOR 0
#define ISOLATE_VERSION_MINOR 1
#define ISOLATE_VERSION_PATCH 0

/* Of the library in use, "MAJOR.MINOR.PATCH"; the same as `library` in results of the Swift library. */
const char *isolate_version(void);

enum { ISOLATE_CGROUP_PATH_BYTES = 448 }; /* the longest directory that cgroups may be made in */

typedef struct isolate_failure isolate_failure;
typedef struct isolate_limits isolate_limits;
typedef struct isolate_run_record isolate_run_record;
typedef struct isolate_status_record isolate_status_record;
typedef struct isolate_slot_record isolate_slot_record;
typedef struct isolate_syscall isolate_syscall;

/* ---- isolation ---- */

enum isolate_level {
    ISOLATE_LEVEL_NONE = 0,
    ISOLATE_LEVEL_MINIMAL,  /* no namespaces: Landlock, seccomp and rlimits */
    ISOLATE_LEVEL_STANDARD, /* namespaces and seccomp; rlimits and sampling where there is no cgroup */
    ISOLATE_LEVEL_STRONG,   /* all namespaces, seccomp and cgroups */
};

/* The level that these layers (bits of enum isolate_layer) give. Pure. */
enum isolate_level isolate_level_of(uint32_t layers);

/* What the supervisor leaves out even if the host offers it. */
enum isolate_avoid {
    ISOLATE_AVOID_CGROUP = 1 << 0,
    ISOLATE_AVOID_NET_NS = 1 << 1,
    ISOLATE_AVOID_PROC = 1 << 2,
    ISOLATE_AVOID_NAMESPACES = 1 << 3,
    ISOLATE_AVOID_SUBORDINATE_IDS = 1 << 4,
};

/* Layers that this host refused, and the step that failed. */
typedef struct isolate_missing {
    uint32_t layers;
    isolate_failure failure;
} isolate_missing;

/* ---- the supervisor ---- */

enum { ISOLATE_MISSING_MAX = 8 };

typedef struct isolate_supervisor {
    int socket;              /* records from and to the supervisor; readable when one has arrived */
    int pidfd;               /* readable when the supervisor is dead */
    pid_t pid;               /* the supervisor; not a child of this process */
    pid_t owner;             /* the process that started it; in its forks every call fails with -ECHILD */
    unsigned number;         /* of this process's supervisors; part of the names of its cgroups */
    int cgroup;              /* enum isolate_cgroup_kind: the kind in use */
    char cgroup_reason[160]; /* why no better kind is in use; empty when it is the best */
    int landlock;            /* Landlock ABI, 0 when the kernel has none */
    int id_source;           /* enum isolate_id_source */
    uint32_t avoid;          /* enum isolate_avoid: left out by request, or refused by the host */
    int answer_timeout_ms;   /* from the start options */
    int grace_ms;
    int processors;  /* that its programs may use: those of the thread that started it */
    uint32_t layers; /* of a trial cell; 0 when none was made */
    int level;       /* enum isolate_level, from `layers` */
    unsigned missing_count;
    isolate_missing missing[ISOLATE_MISSING_MAX]; /* what the host refused, in the order of the attempts */
    pthread_mutex_t exchange; /* isolate_sandbox_open and _close: one request and its answer at a time */
} isolate_supervisor;

/* A directory of the host that programs can read below their root, and never change.
 *
 * It is covered by an overlay: programs see its files through inodes of the sandbox's own, so that they
 * cannot connect to its sockets, open its FIFOs, lock its files or watch them. Set-user-id bits and devices
 * have no effect. Programs read what their user may read. What is at the path is looked at when the
 * supervisor starts: a directory with a mount below it is refused, since the overlay would show what that
 * mount hides, and so is every sandbox once another directory has its place (-ESTALE). Its content should
 * stay as it is while sandboxes use it: an overlay does not say what becomes visible of changes below it. */
typedef struct isolate_bind_mount {
    /* An existing directory, absolute. Not "/", and on no file system of the kernel's own, such as proc. */
    const char *source;
    /* Absolute, in the root, without links, ".", ".." and empty parts, at most ISOLATE_BIND_MOUNT_PATH_BYTES;
     * not in /work, /tmp, /dev, /proc, /run or /sys, which are the sandbox's own, and not above them. It is a
     * directory of the root, which it covers, or is made where the root's top level has no such name. */
    const char *target;
} isolate_bind_mount;

typedef struct isolate_start_options {
    /* The supervisor's executable. NULL: the one that libisolate carries; a program made from the sources
     * without it gets -ENOEXEC. */
    const void *image;
    size_t image_bytes;
    const char *root; /* directory of an image; NULL: the host's own /usr with a small /etc */
    int is_writable;  /* programs can write to the root; every sandbox begins with it unchanged */
    const isolate_bind_mount *bind_mounts; /* mounted in this order, also in a writable root read-only */
    size_t bind_mount_count;               /* at most ISOLATE_BIND_MOUNT_MAX; needs a mount namespace */
    int network;         /* enum isolate_network; ISOLATE_NETWORK_LOOPBACK needs a network namespace */
    int least_level;     /* enum isolate_level; a lower one is an error. 0 means ISOLATE_LEVEL_STANDARD */
    uint32_t avoid;      /* enum isolate_avoid */
    uint32_t fail_stage; /* tests only: an enum isolate_stage that fails with EIO; 0 otherwise */
    /* A cgroup v2 directory can have limits for its children or processes, but not both. 1: the call may
     * move this process from its cgroup into a new child `embedder`, so that supervisors can use its
     * cgroup. The process stays there. */
    int adopt_cgroup;
    /* How long, in ms, a slot or the supervisor may take to answer; then it is killed, and the call fails
     * with -ETIMEDOUT at ISOLATE_STAGE_WATCHDOG. 0 means ISOLATE_ANSWER_TIMEOUT_MS. */
    int answer_timeout_ms;
    /* How long, in ms, a run may take beyond its wall time limit, for its preparation and for
     * reading its counters. Then its sandbox is killed in the same way. 0 means ISOLATE_GRACE_MS. */
    int grace_ms;
} isolate_start_options;

enum { ISOLATE_ANSWER_TIMEOUT_MS = 10000, ISOLATE_GRACE_MS = 5000 };

/* Starts a supervisor and waits until it is ready (at most 10 s). The supervisor dies with this process,
 * in whatever way this process ends.
 *
 * A trial cell shows which layers this host permits. A layer that the host refuses is left out and
 * reported in `missing`, unless the level would fall below `least_level`: then the call returns -EPERM,
 * and *failure is the step that cost the level. */
int isolate_supervisor_start(const isolate_start_options *options, isolate_supervisor *supervisor,
                             isolate_failure *failure);

/* Ends the supervisor and everything below it; waits until all of it is gone (at most 10 s). -ETIMEDOUT: it
 * had to be killed; -EBUSY or another error of rmdir: a cgroup is left, which the next start or
 * isolate_cleanup removes; -ECHILD: this process is a fork of the owner, and nothing was ended. The structure
 * must not be used again in any case. */
int isolate_supervisor_stop(isolate_supervisor *supervisor);

/* Kills a supervisor that does not answer, and so everything below it. The caller must still call
 * isolate_supervisor_stop. 0 also when it is dead already. */
int isolate_supervisor_kill(int pidfd);

/* ---- one sandbox, blocking ---- */

typedef struct isolate_sandbox {
    isolate_supervisor *supervisor;
    uint32_t slot;
    uint32_t host_uid;
    int control, request;
    uint64_t disk_bytes, serial;
    uint32_t layers;
} isolate_sandbox;

/* What happens on system calls that the policy refuses. */
enum isolate_blocked {
    ISOLATE_BLOCKED_STANDARD = 0, /* harmless ones fail and are listed, those of attacks end the run */
    ISOLATE_BLOCKED_END,          /* the harmless ones end the run, too */
    ISOLATE_BLOCKED_DENY,         /* all of them fail and are listed */
};

typedef struct isolate_command {
    const char *executable;         /* a path, or a name found in PATH */
    const char *const *arguments;   /* argv with argv[0], ends with NULL */
    const char *const *environment; /* "K=V", ends with NULL; NULL: PATH, HOME, LANG, TZ, USER, LOGNAME */
    const char *directory;          /* absolute; NULL: /work */
    const void *input;              /* stdin */
    size_t input_bytes;
    int blocked;         /* enum isolate_blocked */
    size_t output_bytes; /* the most bytes kept of stdout, and of stderr: ISOLATE_STANDARD_OUTPUT_BYTES, … */
} isolate_command;

/* The limits of the Swift library and of the command: 20 s of wall time, 10 s of CPU time, 256 MiB of memory,
 * 64 processes, files of 64 MiB and 128 MiB of them, 256 descriptors, a stack of 64 MiB. */
isolate_limits isolate_standard_limits(void);
/* Its limits for a compiler: 60 s, 30 s, 1 GiB, 64 processes, files of 256 MiB and 512 MiB of them, … */
isolate_limits isolate_compile_limits(void);
enum { ISOLATE_STANDARD_OUTPUT_BYTES = 1 << 20 };

enum isolate_outcome_kind {
    ISOLATE_OUTCOME_EXITED = 0,
    ISOLATE_OUTCOME_SIGNALED,
    ISOLATE_OUTCOME_LIMIT,
    ISOLATE_OUTCOME_BLOCKED,
    ISOLATE_OUTCOME_CANCELLED, /* like those below, not caused by the program: the run returns an error */
    ISOLATE_OUTCOME_HOST_OOM,  /* the host, or a cgroup above this process's, ran out of memory */
    ISOLATE_OUTCOME_HOST_DISK, /* the disk below the program's files was full, and the program failed */
    ISOLATE_OUTCOME_FAILED,
};

typedef struct isolate_outcome {
    int kind;            /* enum isolate_outcome_kind */
    int value;           /* exit code or signal */
    int limit;           /* enum isolate_limit_kind, for ISOLATE_OUTCOME_LIMIT */
    uint32_t limits_hit; /* bits (1 << enum isolate_limit_kind) of the other limits that were hit */
} isolate_outcome;

typedef struct isolate_result {
    isolate_outcome outcome;
    isolate_run_record record; /* usage, and the facts that decide the outcome */
    /* stdout and stderr, NUL-terminated for convenience, never NULL after a run that returned 0; free with
     * isolate_result_free. */
    char *output, *error;
    size_t output_bytes, error_bytes;
    int output_truncated, error_truncated;
} isolate_result;

int isolate_sandbox_open(isolate_supervisor *supervisor, uint64_t disk_bytes, isolate_sandbox *sandbox,
                         isolate_failure *failure);
int isolate_sandbox_write(isolate_sandbox *sandbox, const char *path, const void *data, size_t bytes,
                          int executable, isolate_failure *failure);
/* Reads at most `bytes`; -EFBIG when the file is larger. *read_bytes is the file's size. */
int isolate_sandbox_read(isolate_sandbox *sandbox, const char *path, void *data, size_t bytes,
                         size_t *read_bytes, isolate_failure *failure);
/* Returns within the wall time limit and the grace, in whatever state the sandbox's processes are.
 *
 * 0: the program ran, and ended in a way that it caused: ISOLATE_OUTCOME_EXITED, _SIGNALED, _LIMIT or
 * _BLOCKED. Otherwise -errno, and *failure is the step that failed: the program could not be started (EXEC,
 * DIRECTORY, LIMITS, …: -ENOENT when the executable is not there), the host failed it (RUN: -ENOMEM,
 * -ENOSPC), or the sandbox did not answer (WATCHDOG: -ETIMEDOUT). Then *result has no output and need not be
 * freed; its record has what is known. */
int isolate_sandbox_run(isolate_sandbox *sandbox, const isolate_command *command,
                        const isolate_limits *limits, isolate_result *result, isolate_failure *failure);
/* Ends the sandbox's processes; it must not be used again. -errno when the supervisor did not end them in
 * time and was killed for it, or is dead: then nothing of the sandbox lives either; -ECHILD in a fork of the
 * owner, whose sandbox lives on. */
int isolate_sandbox_close(isolate_sandbox *sandbox);
void isolate_result_free(isolate_result *result);

/* ---- names, the same as in Swift and in the command's JSON ---- */

/* "exited", "signaled", "limitExceeded", "blockedSyscall"; for those that a program does not cause, the
 * error: "cancelled", "hostOutOfMemory", "hostOutOfDisk", "failed". "unknown" for another number; never NULL.
 */
const char *isolate_outcome_name(int kind);
/* Of an enum isolate_limit_kind: "wallTime", "cpuTime", "memory", "output", "processes", "disk", "fileSize",
 * "openFiles", "stack"; "none" and "unknown"; never NULL. */
const char *isolate_limit_name(int limit);
/* Of an enum isolate_level: "unconfined", "minimal", "standard", "strong"; "unknown"; never NULL. */
const char *isolate_level_name(int level);
/* Of a single bit of enum isolate_layer: "userNamespace", …; "unknown"; never NULL. */
const char *isolate_layer_name(uint32_t layer);

/* ---- meaning ---- */

/* The outcome that a run's record gives. Pure. output_exceeded: stdout or stderr was longer than its
 * bound. */
isolate_outcome isolate_outcome_of(const isolate_run_record *record, int output_exceeded);

/* "mountProc", …; never NULL. */
const char *isolate_stage_name(int stage);

/* Writes which part of a stage failed: its name, or its number where it is one of many. `bytes`: 32 are
 * enough. */
void isolate_detail_name(int stage, int index, char *out, size_t bytes);

/* Writes the kernel's name of a system call, with "i386:" or "x32:" before a foreign one's; "syscall_N"
 * when it has no name. */
void isolate_syscall_name(isolate_syscall call, char *out, size_t bytes);

/* ---- the host ---- */

/* A number that no other process of this boot with this pid has, equal from every time namespace. 0 when
 * no such process exists or it is dead. */
uint64_t isolate_process_birth(pid_t pid);

/* When the directory was made, in nanoseconds since 1970; 0 when its file system does not keep that. */
uint64_t isolate_directory_birth(const char *path);
/* 0 when these are certainly births of different processes. Before kernel 6.9, which identifies processes
 * exactly, 1 may also be returned for different processes. */
int isolate_births_may_match(uint64_t one, uint64_t other);

/* How many more descriptors this process may open; INT_MAX when its limit is too high to count up to. */
int isolate_free_descriptors(void);

/* Writes the capabilities that a stage (CLONE_SLOT, ID_MAP, CREDENTIALS) needs when no user namespace of
 * an ordinary user grants them, and that this process does not have in effect: libcap's names separated by
 * ", ", or "" when none is lacking. `bytes`: 64 are enough. 0, or -errno and "" when they cannot be read. */
int isolate_lacking_capabilities(int stage, char *out, size_t bytes);
/* How many processors the calling thread may use, or -errno. */
int isolate_processor_count(void);

/* Landlock's ABI version, 0 when the kernel has none. */
int isolate_landlock_abi(void);

/* Which cgroups programs started from this process could have, and why no better ones. */
typedef struct isolate_cgroup_choice {
    int kind; /* enum isolate_cgroup_kind */
    /* The directories in which the supervisor's are made: one per hierarchy, a single one for v2. */
    char parent[ISOLATE_CGROUP_COUNT][ISOLATE_CGROUP_PATH_BYTES];
    char home[ISOLATE_CGROUP_PATH_BYTES + 16]; /* v2: this process's cgroup once it starts a supervisor */
    int adopt;                                 /* v2: this process has to move into another cgroup first */
    int ask_systemd; /* v2 has no usable cgroup: systemd may make one when a supervisor starts */
    char reason[160];
} isolate_cgroup_choice;

/* Changes nothing on the host. `avoid` and `may_adopt` as in isolate_start_options. */
void isolate_cgroup_choose(uint32_t avoid, int may_adopt, isolate_cgroup_choice *choice);

/* The directory of this process's cgroup in a hierarchy of v1 (ISOLATE_CGROUP_MEMORY, …). 0, or -ENOENT. */
int isolate_cgroup_v1_path(int hierarchy, char *out, size_t bytes);

/* Removes cgroups and directories of level minimal whose supervisor's owner is dead; calls `removed` for
 * each. Returns how many, or -errno: -ETIME when 30 s were not enough. */
int isolate_cleanup(void (*removed)(const char *path, void *context), void *context);

/* ---- the filter ---- */

/* What the filter must restrict because namespaces or ids do not. */
enum isolate_filter_variant {
    /* The program shares its user id with processes of the host: it may change limits, scheduling and
     * priority only of itself. */
    ISOLATE_FILTER_SHARED_USER = 1 << 0,
    /* … and Landlock does not restrict signals: the filter refuses kill and its like. */
    ISOLATE_FILTER_NO_SIGNALS = 1 << 1,
    /* Pid 1 has the program's user id: no process may change its limits, scheduling or priority. */
    ISOLATE_FILTER_SHARED_INIT = 1 << 3,
    /* No namespaces: no connect, no datagrams, no System V IPC. */
    ISOLATE_FILTER_HOST_TREE = 1 << 2,
    /* TCP and UDP sockets are allowed, in a network namespace that has only lo. */
    ISOLATE_FILTER_LOOPBACK = 1 << 4,
    /* Written files lie on a disk of the host: the filter makes flushing do nothing. */
    ISOLATE_FILTER_HOST_DISK = 1 << 5,
};

/* Compiles the policy; `variant`: bits of enum isolate_filter_variant. Returns the number of instructions,
 * or -errno. `told` receives the meaning of each notification. */
int isolate_filter_compile(uint32_t variant, struct isolate_filter_instruction *out, size_t most,
                           struct isolate_answers *told);

/* The policy's answer for a call by name: 'a' allowed, 's' ENOSYS and not listed, 'i' ignored, 'u'
 * EOPNOTSUPP, 'v' EINVAL, 'd' denied and listed, 't' allowed unless a limit of the run forbids it, 'f'
 * fatal, 'c' depends. */
char isolate_policy_answer(const char *name);

/* The names that the policy knows, in its order; NULL after the last one. */
const char *isolate_policy_name(unsigned index);

/* ---- locks ---- */

/* Report a lock that ThreadSanitizer does not see, in a program built with it: its number, that it was
 * acquired, that it is about to be released. Without ThreadSanitizer these do nothing. */
uint32_t isolate_lock_number(void);
void isolate_lock_taken(uint32_t lock);
void isolate_lock_left(uint32_t lock);

/* ---- the agent of a container: isolate_agent.h ---- */

typedef struct isolate_agent_options {
    int is_writable; /* the container's root is writable: then the program is uid 0 and the agent is `user` */
    int network;     /* enum isolate_network; the container has a network namespace with nothing but lo */
    uint32_t user;   /* not 0: the agent derives an id from it, the program's unless that is 0 */
    uint32_t processors;   /* of the engine's host */
    uint64_t memory_slack; /* by how many bytes the container's memory limit may miss a run's */
    /* Where the engine mounted directories of its host, as of isolate_bind_mount.target; at most
     * ISOLATE_BIND_MOUNT_MAX. */
    const char *const *bind_targets;
    size_t bind_target_count;
} isolate_agent_options;

/* Writes the payload of the agent's CONFIG frame. Returns its size, or -errno. */
int isolate_agent_config(const isolate_agent_options *options, void *out, size_t bytes);

/* ---- records, for an event loop; none of these functions blocks ---- */

int isolate_slot_create(const isolate_supervisor *supervisor, uint32_t slot);
int isolate_slot_destroy(const isolate_supervisor *supervisor, uint32_t slot);

/* Returns 1 and a record, 0 when none has arrived, or -errno (-EPIPE: the supervisor is gone). fds:
 * control and request, or -1. A SLOT_CREATED for whose descriptors this process had no room has the
 * failure EMFILE at ISOLATE_STAGE_START: the caller must destroy the slot. */
int isolate_supervisor_receive(const isolate_supervisor *supervisor, isolate_slot_record *record, int fds[2]);

int isolate_slot_send(int control, uint32_t type, uint32_t end, uint64_t disk_bytes, uint64_t serial);
/* What is asked about a path of /work: isolate_protocol.h has the modes and flags. */
typedef struct isolate_file_question {
    const char *path;   /* relative to /work */
    const char *target; /* ISOLATE_FILE_LINK: what the link points to; else NULL */
    uint32_t mode;      /* enum isolate_file_mode */
    uint32_t flags;     /* enum isolate_file_flags */
    uint64_t offset;
    int content; /* ISOLATE_FILE_COPY, ISOLATE_FILE_PLACE: the file to copy, read from its offset on; else -1
                  */
} isolate_file_question;

/* -ENAMETOOLONG when path and target together have not less than ISOLATE_PATH_BYTES. */
int isolate_slot_send_open(int control, const isolate_file_question *question);

typedef union isolate_slot_message {
    uint32_t type;
    isolate_status_record status;
    isolate_run_record run;
} isolate_slot_message;

/* Returns 1 and a record, 0 when none has arrived, or -errno (-EPIPE: the slot is gone). fd:
 * FILE_OPENED's, or -1; the failure is EMFILE at ISOLATE_STAGE_FILE when this process had no room for it. */
int isolate_slot_receive(int control, isolate_slot_message *message, int *fd);

/* Sends a request to run. strings: directory, executable, argv, environment, each NUL-terminated, in this
 * order. */
int isolate_run_send(int request, uint64_t serial, const isolate_limits *limits, uint32_t flags,
                     uint32_t argc, uint32_t envc, const char *strings, size_t string_bytes,
                     const int stdio[3]);

/* Makes a pipe between the caller and a program. The caller's end, ends[our_end] (0 reads, 1 writes),
 * never blocks. The other end belongs to the program's user, who may open it again through /proc/self/fd. */
int isolate_pipe(uid_t user, int our_end, int ends[2]);

/* Makes a pipe between two programs: both ends block, and either program may open its end again. */
int isolate_pipe_between(int ends[2]);

/* A sealed read-only memory file with these bytes; its descriptor, or -errno. */
int isolate_memory_file(const void *data, size_t bytes);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
