/*
 * The records between the embedder, the supervisor, its slots and the program's process before exec.
 *
 * All of them travel on SOCK_SEQPACKET sockets: one record is one message, so a record arrives completely or
 * not at all, and its meaning never depends on an end of file. Both ends are built from this header, so their
 * versions cannot differ. Larger data (arguments, files) travels in sealed memory files. Shared by libc code
 * (client/) and freestanding code (supervisor/): types and constants only.
 */
#ifndef ISOLATE_PROTOCOL_H
#define ISOLATE_PROTOCOL_H

#include <stdint.h>

#include "isolate_details.h"

enum { ISOLATE_INLINE_MAX = 3072, ISOLATE_DENIED_MAX = 32, ISOLATE_PATH_BYTES = 3840 };
enum { ISOLATE_CGROUP_DIRECTORY_BYTES = 512 };

/* The seals of a memory file that another process reads. F_SEAL_FUTURE_WRITE refuses every later write and
 * writable mapping, and nobody has mapped the file before. F_SEAL_WRITE would wait, and after 150 ms fail
 * (EBUSY), while anything holds one of the file's pages: a pipe, or the kernel's own reclaim or compaction.
 */
#define ISOLATE_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE)

/* Where a step failed. errno_value is a positive errno. */
struct isolate_failure {
    int32_t stage; /* enum isolate_stage; ISOLATE_STAGE_NONE: nothing failed */
    int32_t errno_value;
    int32_t index; /* which part of the stage: isolate_details.h */
};

/* Which process did not answer, and was killed for it. */
enum isolate_watchdog {
    ISOLATE_WATCHDOG_ANSWER = 0, /* a slot, to a request */
    ISOLATE_WATCHDOG_RUN,        /* a slot: its run did not end within its wall time limit and the grace */
    ISOLATE_WATCHDOG_SUPERVISOR,
};

enum { ISOLATE_CPU_SET_WORDS = 16 }; /* processors 0 to 1023, as the C library's cpu_set_t has them */

/* The bounds of one run. All are in force; 0 is a bound, too, except for cpus and cpu_set. */
struct isolate_limits {
    uint64_t wall_ns;
    uint64_t cpu_ns;
    uint64_t memory_bytes;
    uint64_t processes;
    uint64_t file_size_bytes;
    uint64_t disk_bytes;
    uint64_t open_files;
    uint64_t stack_bytes;
    uint64_t cpus; /* how many processors of the supervisor's the run may use; 0: all */
    uint64_t
        cpu_first; /* the first of them, counted from 0; so runs at the same time can have different ones */
    uint64_t
        cpu_set[ISOLATE_CPU_SET_WORDS]; /* those it may use, as bits by the kernel's numbers; none: any */
};

/* Isolation layers, as bits. */
enum isolate_layer {
    ISOLATE_LAYER_USER_NS = 1 << 0,
    ISOLATE_LAYER_MOUNT_NS = 1 << 1,
    ISOLATE_LAYER_PID_NS = 1 << 2,
    ISOLATE_LAYER_NET_NS = 1 << 3,
    ISOLATE_LAYER_IPC_NS = 1 << 4,
    ISOLATE_LAYER_UTS_NS = 1 << 5,
    ISOLATE_LAYER_CGROUP_NS = 1 << 6,
    ISOLATE_LAYER_ROOTFS = 1 << 7,
    ISOLATE_LAYER_MASKED_PROC = 1 << 8,
    ISOLATE_LAYER_NO_NEW_PRIVS = 1 << 9,
    ISOLATE_LAYER_CAPABILITIES = 1 << 10,
    ISOLATE_LAYER_SECCOMP = 1 << 11,
    ISOLATE_LAYER_LANDLOCK = 1 << 12,
    ISOLATE_LAYER_RLIMITS = 1 << 13,
    ISOLATE_LAYER_CGROUP_MEMORY = 1 << 14,
    ISOLATE_LAYER_CGROUP_PIDS = 1 << 15,
    ISOLATE_LAYER_CGROUP_CPU = 1 << 16,
    ISOLATE_LAYER_DISTINCT_UID = 1 << 17,
    ISOLATE_LAYER_OWN_INODES = 1 << 18, /* no file in its root is an inode of the host's */
};

/* What ended a run, if the program did not end by itself. The first cause wins. */
enum isolate_end {
    ISOLATE_END_PROGRAM = 0, /* the program ended by itself: see the wait status */
    ISOLATE_END_WALL,
    ISOLATE_END_CPU,
    ISOLATE_END_MEMORY,   /* an OOM kill at the run's own limit */
    ISOLATE_END_HOST_OOM, /* an OOM kill below the run's own limit */
    ISOLATE_END_BLOCKED,  /* a blocked system call */
    ISOLATE_END_OUTPUT,   /* by the embedder: too much output */
    ISOLATE_END_CANCEL,   /* by the embedder: cancelled */
    ISOLATE_END_FAILURE,  /* a step before exec failed: see the failure */
};

/* The limits that a program can meet. */
enum isolate_limit_kind {
    ISOLATE_LIMIT_NONE = 0,
    ISOLATE_LIMIT_WALL_TIME,
    ISOLATE_LIMIT_CPU_TIME,
    ISOLATE_LIMIT_MEMORY,
    ISOLATE_LIMIT_OUTPUT,
    ISOLATE_LIMIT_PROCESSES,
    ISOLATE_LIMIT_DISK,
    ISOLATE_LIMIT_FILE_SIZE,
    ISOLATE_LIMIT_OPEN_FILES,
    ISOLATE_LIMIT_STACK,
    ISOLATE_LIMIT_COUNT
};

/* Limits that a slot saw hit, as bits. */
enum isolate_hit {
    ISOLATE_HIT_MEMORY = 1 << ISOLATE_LIMIT_MEMORY,
    ISOLATE_HIT_PROCESSES = 1 << ISOLATE_LIMIT_PROCESSES,
    ISOLATE_HIT_DISK = 1 << ISOLATE_LIMIT_DISK,
    ISOLATE_HIT_FILE_SIZE = 1 << ISOLATE_LIMIT_FILE_SIZE,
    ISOLATE_HIT_OPEN_FILES = 1 << ISOLATE_LIMIT_OPEN_FILES,
    ISOLATE_HIT_STACK = 1 << ISOLATE_LIMIT_STACK,
    /* Not a limit: no quota bounds the files, and the disk below them, which others use too, was full. */
    ISOLATE_HIT_HOST_DISK = 1 << ISOLATE_LIMIT_COUNT,
};

/* Where a figure comes from. */
enum isolate_source { ISOLATE_SOURCE_CGROUP = 0, ISOLATE_SOURCE_SAMPLED, ISOLATE_SOURCE_RUSAGE };

enum isolate_record_type {
    /* embedder -> supervisor */
    ISOLATE_CREATE_SLOT = 1,
    ISOLATE_DESTROY_SLOT,
    ISOLATE_CGROUP_DIRECTORY, /* once, before anything else, if cgroup_wait is set */
    /* supervisor -> embedder */
    ISOLATE_SUPERVISOR_READY,
    ISOLATE_SLOT_CREATED, /* + descriptors: control, request */
    ISOLATE_SLOT_ENDED,   /* also when the slot could not be made */
    /* embedder -> slot (control socket) */
    ISOLATE_PREPARE,
    ISOLATE_CLEAR,
    ISOLATE_SET_DISK,
    ISOLATE_OPEN_FILE,
    ISOLATE_END_RUN,
    ISOLATE_LOOK, /* what the run is doing; answered at any time */
    /* slot -> embedder */
    ISOLATE_PREPARED,
    ISOLATE_CLEARED,
    ISOLATE_DISK_SET,
    ISOLATE_FILE_OPENED, /* + descriptor */
    ISOLATE_LOOKED,
    ISOLATE_RUN_ENDED,
    /* embedder -> the program's process (request socket) */
    ISOLATE_RUN, /* + descriptors: stdin, stdout, stderr, and the strings when they are not inline */
    /* inside a slot */
    ISOLATE_PROGRAM_BORN,    /* level minimal: can be traced from now on */
    ISOLATE_PROGRAM_WAITING, /* + descriptor: the seccomp listener */
    ISOLATE_PROGRAM_READY,   /* right before exec */
    ISOLATE_PROGRAM_FAILED,
    ISOLATE_INIT_DONE,
    ISOLATE_SEAT_FORK,
    ISOLATE_SEAT_FORKED,
};

struct isolate_slot_record { /* CREATE_SLOT, DESTROY_SLOT, SLOT_CREATED, SLOT_ENDED, SUPERVISOR_READY */
    uint32_t type;
    uint32_t slot;
    uint32_t host_uid; /* the program's uid as the host sees it */
    struct isolate_failure failure;
};

struct isolate_cgroup_directory_record { /* CGROUP_DIRECTORY */
    uint32_t type;
    char path[ISOLATE_CGROUP_DIRECTORY_BYTES]; /* v2: an existing directory; empty when there is none */
};

struct isolate_prepare_record { /* PREPARE, CLEAR, SET_DISK, END_RUN, LOOK */
    uint32_t type;
    uint32_t end; /* END_RUN: enum isolate_end */
    uint64_t disk_bytes;
    uint64_t serial; /* END_RUN: which run; ignored when that run has ended */
};

struct isolate_status_record { /* PREPARED, CLEARED, DISK_SET, FILE_OPENED, LOOKED, INIT_DONE,
                                  PROGRAM_WAITING, … */
    uint32_t type;
    uint32_t layers;
    uint32_t retire;   /* CLEARED: this slot must not be used again */
    int32_t value;     /* SEAT_FORKED: a pid; FILE_OPENED for reading: the permission bits when opened;
                          for removing: 1 when a part is left, to be asked for again;
                          for placing: 1 when the slot keeps the content;
                          LOOKED: enum isolate_activity */
    uint64_t bytes;    /* FILE_OPENED for reading: the size when opened; for listing: where the next part
                          begins, 0 after the last; for placing: what all kept content takes, in whole pages;
                          PREPARED: the number of the kept content that is in its
                          place already, 0: none; LOOKED: CPU time in ns */
    uint64_t identity; /* FILE_OPENED for reading: the inode, which two parts of one file have in common;
                          LOOKED: the context switches of its only thread */
    struct isolate_failure failure;
};

/* What a run does when the slot looks at it. */
enum isolate_activity {
    ISOLATE_ACTIVITY_UNKNOWN = 0,
    ISOLATE_ACTIVITY_INPUT, /* nothing but waiting for its stdin, a pipe */
    ISOLATE_ACTIVITY_OWN,   /* its only thread runs, or sleeps for a time of its own choice */
};

/* What is to be done with a path of /work. */
enum isolate_file_mode {
    ISOLATE_FILE_READ = 0,  /* answered with a descriptor at `offset` */
    ISOLATE_FILE_WRITE,     /* at offset 0 a new file, else one that has at least so many bytes */
    ISOLATE_FILE_REMOVE,    /* a file, a link or a tree, at most ISOLATE_REMOVED_MAX entries at a time */
    ISOLATE_FILE_LIST,      /* answered with a descriptor: struct isolate_entry of what a directory has */
    ISOLATE_FILE_DESCRIBE,  /* the same of one path, its name left out; a link is not followed */
    ISOLATE_FILE_DIRECTORY, /* makes a directory, and those above it; one that is there is left as it is */
    ISOLATE_FILE_LINK,      /* makes a symbolic link; its target follows the path's NUL in `path` */
    /* Puts a new file there whose content the slot keeps between its sandboxes, by the number in `offset`. A
     * descriptor with the content comes along, or -ENODATA answers when the slot does not have it (any more).
     */
    ISOLATE_FILE_PLACE,
    ISOLATE_FILE_WITHDRAW, /* Takes away what PREPARED said to be in its place, before any program runs. */
};

enum isolate_file_flags {
    ISOLATE_FILE_EXECUTABLE = 1 << 0, /* WRITE, PLACE: mode 0755 in place of 0644 */
    ISOLATE_FILE_COPY = 1 << 1, /* WRITE: a descriptor with the content comes along; answered without one */
};

struct isolate_file_record { /* OPEN_FILE */
    uint32_t type;
    uint32_t mode;  /* enum isolate_file_mode */
    uint32_t flags; /* enum isolate_file_flags */
    uint32_t reserved;
    uint64_t offset; /* READ, WRITE: in bytes; LIST: where a part begins, as the last answer said; PLACE: the
                        content's number */
    char path[ISOLATE_PATH_BYTES]; /* relative to /work, NUL-terminated; "." is /work */
};

/* At most so many bytes of entries are answered, and so many entries removed, at a time. */
enum { ISOLATE_LIST_BYTES = 64 << 10, ISOLATE_REMOVED_MAX = 4096 };

/* An entry of a directory; its name and the target of a link follow, without a NUL. */
struct isolate_entry {
    uint32_t mode; /* st_mode: type and permission bits */
    uint16_t name_bytes, target_bytes;
    uint64_t bytes;
    int64_t modified_ns; /* since 1970 */
};

enum isolate_run_flags {
    ISOLATE_RUN_DENY_BLOCKED = 1 << 0,    /* no refused system call ends the run */
    ISOLATE_RUN_END_HARMLESS = 1 << 3,    /* harmless refused system calls end the run, too */
    ISOLATE_RUN_STRINGS_IN_FILE = 1 << 1, /* the last descriptor holds the strings */
    ISOLATE_RUN_NO_INPUT = 1 << 2,        /* stdin is empty; the first descriptor is ignored */
    ISOLATE_RUN_TAKES_PLACED = 1 << 4,    /* what PREPARED said to be in its place is the run's file */
};

/* RUN: the header, then (inline, or in the last descriptor) string_bytes of NUL-terminated strings:
 * directory, executable, argc arguments (argv[0] included), envc variables. */
struct isolate_run_header {
    uint32_t type;
    uint32_t flags;
    uint64_t serial;
    struct isolate_limits limits;
    uint32_t argc;
    uint32_t envc;
    uint32_t string_bytes;
    uint32_t held_kib; /* container: memory of files, kept files, stdin and strings, set by the agent */
};

struct isolate_ready_record { /* PROGRAM_READY */
    uint32_t type;
    uint32_t flags;
    uint64_t serial;
    uint64_t start_ns;      /* CLOCK_MONOTONIC */
    uint64_t start_date_ns; /* CLOCK_REALTIME_COARSE, the clock of file times */
    uint64_t exact_date_ns; /* CLOCK_REALTIME, at the same time: newer kernels use it for some of them */
    uint64_t cpu_base_ns;
    uint64_t memory_base_bytes, resident_base_bytes;
    uint64_t held_base_bytes; /* container: memory of the sandbox's files */
    struct isolate_limits limits;
};

struct isolate_syscall {
    uint32_t arch; /* AUDIT_ARCH_* */
    uint32_t number;
};

struct isolate_run_record { /* RUN_ENDED: also the public result, see include/isolate.h */
    uint32_t type;
    uint32_t end; /* enum isolate_end */
    int32_t wait_status;
    uint32_t hits; /* enum isolate_hit */
    struct isolate_failure failure;
    uint32_t layers;
    uint64_t serial;
    uint64_t wall_ns;
    /* CLOCK_MONOTONIC when its only thread began to exit, or when the slot decided to end it: before any of
     * its descriptors was closed. 0: unknown, as for a run that the kernel killed. */
    uint64_t ended_ns;
    uint64_t cpu_ns;
    uint64_t user_ns;
    uint64_t system_ns;
    uint64_t peak_memory_bytes;
    uint64_t resident_peak_bytes;
    uint64_t memory_resolution_bytes; /* how far the two peaks may be from the true values */
    uint32_t peak_processes;
    /* enum isolate_source, of cpu_ns and of the three peaks */
    uint32_t cpu_source, memory_source, resident_source, processes_source;
    struct isolate_syscall blocked;
    uint32_t denied_count;
    struct isolate_syscall denied[ISOLATE_DENIED_MAX];
};

/* The supervisor's configuration: a sealed memory file on ISOLATE_FD_CONFIG. Strings are offsets from its
 * start. */
enum { ISOLATE_FD_SOCKET = 3, ISOLATE_FD_OWNER = 4, ISOLATE_FD_CONFIG = 5 };
/* The kind of limits and accounting; the values of isolate_supervisor.cgroup. */
enum isolate_cgroup_kind {
    ISOLATE_CGROUP_NONE = 0,
    ISOLATE_CGROUP_V1,
    ISOLATE_CGROUP_V2,
    ISOLATE_CGROUP_CONTAINER, /* a container's own: the engine sets its limits, the slot reads its counters */
};
/* The hierarchies of v1. v2 has a single one, at index 0. */
enum { ISOLATE_CGROUP_MEMORY = 0, ISOLATE_CGROUP_PIDS, ISOLATE_CGROUP_CPUACCT, ISOLATE_CGROUP_COUNT };
enum { ISOLATE_BIND_MAX = 64, ISOLATE_FILE_MAX = 16, ISOLATE_MASK_MAX = 48, ISOLATE_FILTER_MAX = 1024 };
enum { ISOLATE_BIND_MOUNT_MAX = 16, ISOLATE_BIND_MOUNT_PATH_BYTES = 256 };
/* The magic numbers (linux/magic.h) of file systems that are the kernel's own interfaces, from which no
 * directory is bound: a program could learn from them about the host's processes and devices. proc, sysfs,
 * cgroup, cgroup2, devpts, debugfs, tracefs, securityfs, bpf, efivarfs, selinuxfs, smackfs, pstore,
 * binfmt_misc, nsfs, mqueue, resctrl, configfs, fusectl, nfsd, rpc_pipefs. */
#define ISOLATE_KERNEL_FILE_SYSTEMS                                                                          \
    {                                                                                                        \
        0x9fa0u, 0x62656572u, 0x27e0ebu, 0x63677270u, 0x1cd1u, 0x64626720u, 0x74726163u, 0x73636673u,        \
            0xcafe4a11u, 0xde5e81e4u, 0xf97cff8cu, 0x43415d53u, 0x6165676cu, 0x42494e4du, 0x6e736673u,       \
            0x19800202u, 0x07655821u, 0x62656570u, 0x65735543u, 0x6e667364u, 0x67596969u                     \
    }
enum { ISOLATE_SYSCALL_BITS = 1024 };

enum isolate_bind_kind {
    ISOLATE_BIND_TREE = 0,
    ISOLATE_BIND_FILE,
    ISOLATE_BIND_LINK,
    ISOLATE_BIND_DEVICE,
    ISOLATE_BIND_EMPTY, /* a new empty directory */
};

/* Which network programs can use. */
enum isolate_network {
    ISOLATE_NETWORK_NONE = 0, /* no sockets but AF_UNIX's */
    ISOLATE_NETWORK_LOOPBACK, /* TCP and UDP on the lo of a network namespace of its own */
};

/* What a notification of the filter means, by native system call number. A call in neither set fails and is
 * listed, whatever the caller chose. */
struct isolate_answers {
    uint64_t harmless[ISOLATE_SYSCALL_BITS / 64]; /* ordinary programs try these and do without */
    uint64_t fatal[ISOLATE_SYSCALL_BITS / 64];    /* only an attack needs these */
};

/* What a supervisor's slots consist of. */
enum isolate_feature {
    ISOLATE_FEATURE_NAMESPACES = 1 << 0, /* without: level minimal */
    ISOLATE_FEATURE_NET_NS = 1 << 1,
    ISOLATE_FEATURE_PROC =
        1 << 2, /* a proc of its own; the kernel refuses it where the outer proc is masked */
    ISOLATE_FEATURE_WRITABLE = 1 << 3, /* the program can write to its root, through overlays */
    ISOLATE_FEATURE_CONTAINER =
        1 << 4, /* an engine made the namespaces, the root and its /work, /tmp and /dev/shm */
};

/* Which ids a slot and its program have on the host. */
enum isolate_id_source {
    ISOLATE_IDS_OWN = 0,     /* the embedder's own, for both */
    ISOLATE_IDS_PRIVILEGED,  /* unused ones, assigned with CAP_SETUID and CAP_SETGID */
    ISOLATE_IDS_SUBORDINATE, /* the user's subordinate ids, through newuidmap and newgidmap */
};

struct isolate_bind {
    uint32_t kind;   /* enum isolate_bind_kind */
    uint32_t source; /* path on the host, or below image_root; the target of a LINK */
    uint32_t target; /* path in the root, without the first slash */
};

struct isolate_file {
    uint32_t path; /* in the root, without the first slash */
    uint32_t text;
    uint32_t text_bytes;
    uint32_t is_over; /* 1: mounted over the image's own file, below etc */
};

enum isolate_mask_kind {
    ISOLATE_MASK_FILE = 0,
    ISOLATE_MASK_DIRECTORY,
    ISOLATE_MASK_READ_ONLY,
};

struct isolate_mask {
    uint32_t path; /* absolute, below /proc */
    uint32_t kind; /* enum isolate_mask_kind */
};

struct isolate_filter_instruction { /* struct sock_filter */
    uint16_t code;
    uint8_t jt, jf;
    uint32_t k;
};

struct isolate_config {
    uint32_t bytes;
    uint32_t processors;
    uint32_t features;              /* enum isolate_feature */
    uint32_t id_source;             /* enum isolate_id_source */
    uint32_t uid_base, gid_base;    /* the supervisor takes id_count ids from here on, by its pid … */
    uint32_t id_span, id_count;     /* … within id_span */
    uint32_t slot_uid, program_uid; /* inside the user namespace; level minimal has none */
    uint32_t newuidmap, newgidmap;  /* paths, for ISOLATE_IDS_SUBORDINATE */
    uint32_t scratch_directory;     /* level minimal: made and removed by the supervisor */
    uint32_t landlock_abi;
    uint32_t network;     /* enum isolate_network */
    uint32_t fail_stage;  /* tests: this stage fails with EIO in every slot; 0 otherwise */
    uint32_t cgroup_kind; /* enum isolate_cgroup_kind */
    uint32_t cgroup_dir[ISOLATE_CGROUP_COUNT]; /* directories to make, absolute, one per hierarchy; v2: one */
    uint32_t cgroup_wait; /* v2: the directory follows in a CGROUP_PLACE record, before `ready` */
    uint32_t cgroup_home; /* v2: where the supervisor started, absolute; it moves back there when it exits */
    uint32_t bind_count, bind_mount_count, file_count, mask_count, filter_count;
    uint32_t hostname;
    uint32_t image_root; /* directory of an image, absolute; 0: the host's own */
    uint64_t charge_batch_bytes;
    uint64_t memory_slack_bytes; /* container: how far the engine's limit may be from a run's */
    struct isolate_bind binds[ISOLATE_BIND_MAX];
    /* The caller's directories, all of kind TREE: read-only, after all else of the root. A source is a path
     * of the host, also where the root is an image; the directory that the client saw there has these
     * numbers. */
    struct isolate_bind bind_mounts[ISOLATE_BIND_MOUNT_MAX];
    uint64_t bind_mount_devices[ISOLATE_BIND_MOUNT_MAX], bind_mount_inodes[ISOLATE_BIND_MOUNT_MAX];
    /* In nanoseconds since 1970; 0 where the file system keeps none. A file system gives the number of an
     * inode that is gone to the next one. */
    uint64_t bind_mount_births[ISOLATE_BIND_MOUNT_MAX];
    struct isolate_file files[ISOLATE_FILE_MAX];
    struct isolate_mask masks[ISOLATE_MASK_MAX];
    struct isolate_filter_instruction filter[ISOLATE_FILTER_MAX];
    struct isolate_answers answers;
};

#endif
