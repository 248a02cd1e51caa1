/*
 * Which step failed (enum isolate_stage), and which part of it: the index of a struct isolate_failure, by its
 * stage.
 *
 * Where several things of one kind are made, the index is a position: in the configuration (BIND, ETC, DEV,
 * OVERLAY, MASK_PROC), with the step (BIND_MOUNT), or among the directories of a root (MOUNT_ROOT, from 1
 * on). CGROUP, JOIN_CGROUP and LIMITS name a hierarchy, RLIMITS the kernel's RLIMIT_*, WATCHDOG enum
 * isolate_watchdog. A stage that is not here has one part, 0. Their names for people are in client/details.c.
 */
#ifndef ISOLATE_DETAILS_H
#define ISOLATE_DETAILS_H

/* The steps that can fail, in the order of a sandbox's life. Their names are in client/names.c. */
enum isolate_stage {
    ISOLATE_STAGE_NONE = 0,
    ISOLATE_STAGE_START,         /* starting the supervisor */
    ISOLATE_STAGE_CONFIG,        /* reading the supervisor's configuration */
    ISOLATE_STAGE_CGROUP,        /* making cgroups */
    ISOLATE_STAGE_DIRECTORIES,   /* level minimal: the directory in place of the scratch tmpfs */
    ISOLATE_STAGE_CLONE_SLOT,    /* clone3 with the slot's namespaces */
    ISOLATE_STAGE_ID_MAP,        /* writing uid_map and gid_map */
    ISOLATE_STAGE_CREDENTIALS,   /* changing ids, dropping capabilities */
    ISOLATE_STAGE_NETWORK,       /* bringing lo up */
    ISOLATE_STAGE_HOSTNAME,      /* sethostname */
    ISOLATE_STAGE_MOUNT_ROOT,    /* the root tmpfs */
    ISOLATE_STAGE_BIND,          /* binding a host directory */
    ISOLATE_STAGE_BIND_MOUNT,    /* a directory that the caller binds into the root */
    ISOLATE_STAGE_ETC,           /* writing /etc */
    ISOLATE_STAGE_DEV,           /* /dev */
    ISOLATE_STAGE_PIVOT,         /* pivot_root */
    ISOLATE_STAGE_JOIN_CGROUP,   /* the seat enters the program's cgroup */
    ISOLATE_STAGE_CLONE_SEAT,    /* cloning the seat */
    ISOLATE_STAGE_SCRATCH,       /* the tmpfs behind /work, /tmp and /dev/shm */
    ISOLATE_STAGE_OVERLAY,       /* the writable root */
    ISOLATE_STAGE_CLONE_INIT,    /* clone3 of the cell's init */
    ISOLATE_STAGE_MOUNT_SCRATCH, /* binding /work, /tmp, /dev/shm into the cell */
    ISOLATE_STAGE_MOUNT_PROC,    /* the cell's proc */
    ISOLATE_STAGE_MASK_PROC,     /* masking parts of proc */
    ISOLATE_STAGE_CLONE_PROGRAM, /* the seat clones the program's process */
    ISOLATE_STAGE_NAMESPACES,    /* the program's process joins the cell */
    ISOLATE_STAGE_LANDLOCK,      /* the Landlock rule set */
    ISOLATE_STAGE_SECCOMP,       /* the seccomp filter */
    ISOLATE_STAGE_TRACE,         /* attaching for the program's fatal signals */
    ISOLATE_STAGE_REQUEST,       /* receiving the request */
    ISOLATE_STAGE_LIMITS,        /* cgroup limits */
    ISOLATE_STAGE_RLIMITS,       /* setrlimit */
    ISOLATE_STAGE_PROCESSORS,    /* sched_setaffinity */
    ISOLATE_STAGE_DIRECTORY,     /* chdir */
    ISOLATE_STAGE_STDIO,         /* descriptors 0, 1, 2 */
    ISOLATE_STAGE_EXEC,          /* execve */
    ISOLATE_STAGE_RUN,           /* the run itself: the host, or its caller, ended it */
    ISOLATE_STAGE_FILE,          /* opening a file of /work */
    ISOLATE_STAGE_PROTOCOL,      /* a malformed record */
    ISOLATE_STAGE_WATCHDOG,      /* no answer in time */
    ISOLATE_STAGE_COUNT
};

/* CGROUP, LANDLOCK, NETWORK: no step failed; the host lacks the feature, or it was left out earlier. */
enum { ISOLATE_DETAIL_LACKING = -1 };

enum isolate_start_detail {
    ISOLATE_DETAIL_START_WAIT = 0,    /* the supervisor sent nothing in time */
    ISOLATE_DETAIL_START_WORD,        /* the supervisor's first record is unknown */
    ISOLATE_DETAIL_START_PROCESS,     /* its configuration, its image, or the process itself */
    ISOLATE_DETAIL_START_ANSWER,      /* waiting for a slot */
    ISOLATE_DETAIL_START_ASK,         /* requesting a slot */
    ISOLATE_DETAIL_START_FORK,        /* this process is a fork of the owner */
    ISOLATE_DETAIL_START_DESCRIPTORS, /* this process had no room for a slot's sockets */
    ISOLATE_DETAIL_START_IMAGE,       /* no supervisor was given, and the library carries none */
};

enum isolate_clone_slot_detail {
    ISOLATE_DETAIL_CLONE_SLOT_PROCESS = 0, /* its sockets and its process */
    ISOLATE_DETAIL_CLONE_SLOT_SIGNALS,     /* the signalfd for its children */
};

enum isolate_id_map_detail {
    ISOLATE_DETAIL_ID_MAP_OUTSIDE = 0, /* by the supervisor; in a container: there is no id to assign */
    ISOLATE_DETAIL_ID_MAP_INSIDE,      /* by the slot */
};

enum isolate_credentials_detail {
    ISOLATE_DETAIL_CREDENTIALS_SLOT = 0,
    ISOLATE_DETAIL_CREDENTIALS_INIT,
    ISOLATE_DETAIL_CREDENTIALS_PROGRAM,
    ISOLATE_DETAIL_CREDENTIALS_DEATH_SIGNAL, /* of the program's process */
    ISOLATE_DETAIL_CREDENTIALS_DUMPABLE,
};

enum isolate_network_detail { ISOLATE_DETAIL_NETWORK_SLOT = 0, ISOLATE_DETAIL_NETWORK_CELL };

enum { ISOLATE_DETAIL_MOUNT_ROOT_TMPFS = 0, ISOLATE_DETAIL_MOUNT_ROOT_DIRECTORIES = 1 };

enum isolate_bind_detail {
    ISOLATE_DETAIL_BIND_CONFIGURATION = -1, /* the image's directory cannot be read by the embedder */
    ISOLATE_DETAIL_BIND_PLACE_IMAGE = -2,
    ISOLATE_DETAIL_BIND_REMOVE_IMAGE = -3,
    ISOLATE_DETAIL_BIND_OPEN_IMAGE = -4,
};

/* The failing step of a caller's directory, with its position among them in the lowest bits. */
enum isolate_bind_mount_detail {
    ISOLATE_DETAIL_BIND_MOUNT_POSITION = 15,
    ISOLATE_DETAIL_BIND_MOUNT_REQUEST = 0x00, /* what the caller gave: the paths or their number */
    ISOLATE_DETAIL_BIND_MOUNT_SOURCE = 0x10,  /* opening the directory of the host */
    ISOLATE_DETAIL_BIND_MOUNT_COVER = 0x20,   /* an overlay, which gives it inodes of its own */
    ISOLATE_DETAIL_BIND_MOUNT_TARGET = 0x30,  /* its place in the root */
    ISOLATE_DETAIL_BIND_MOUNT_CONTENT = 0x40, /* container: what is in it */
};

enum { ISOLATE_DETAIL_DEV_TMPFS = -1 };

enum isolate_pivot_detail { ISOLATE_DETAIL_PIVOT_SLOT = 0, ISOLATE_DETAIL_PIVOT_CELL };

/* After the hierarchies: the cgroup namespace, and the capabilities that the seat drops. */
enum { ISOLATE_DETAIL_JOIN_CGROUP_RIGHTS = 3 };

enum isolate_clone_seat_detail {
    ISOLATE_DETAIL_CLONE_SEAT_SOCKETS = 0,
    ISOLATE_DETAIL_CLONE_SEAT_PROCESS,
    ISOLATE_DETAIL_CLONE_SEAT_ANSWER, /* the seat died before it answered */
    ISOLATE_DETAIL_CLONE_SEAT_LOOKER,
};

enum isolate_scratch_detail {
    ISOLATE_DETAIL_SCRATCH_MOUNT = 0,
    ISOLATE_DETAIL_SCRATCH_FILL,
    ISOLATE_DETAIL_SCRATCH_OPEN,
    ISOLATE_DETAIL_SCRATCH_RESIZE,
    ISOLATE_DETAIL_SCRATCH_ROOT_DIRECTORIES, /* of a writable root */
    ISOLATE_DETAIL_SCRATCH_ROOT_MOUNT,
    ISOLATE_DETAIL_SCRATCH_ROOT_LAYERS,
    ISOLATE_DETAIL_SCRATCH_PLAIN, /* level minimal's directories */
};

enum isolate_overlay_detail {
    ISOLATE_DETAIL_OVERLAY_USER_ATTRIBUTES = -1, /* the tmpfs does not support them */
    ISOLATE_DETAIL_OVERLAY_SUPERVISOR = -2,      /* the supervisor did not answer */
    ISOLATE_DETAIL_OVERLAY_NAMESPACE = -3,       /* entering the slot's namespace */
    ISOLATE_DETAIL_OVERLAY_OWNER = -4,           /* becoming the files' owner */
};

enum isolate_clone_init_detail { ISOLATE_DETAIL_CLONE_INIT_PROCESS = 0, ISOLATE_DETAIL_CLONE_INIT_ANSWER };

enum isolate_mount_scratch_detail {
    ISOLATE_DETAIL_MOUNT_SCRATCH_WORK = 0,
    ISOLATE_DETAIL_MOUNT_SCRATCH_TMP,
    ISOLATE_DETAIL_MOUNT_SCRATCH_SHM,
    ISOLATE_DETAIL_MOUNT_SCRATCH_HIDE, /* /run, through which the slot reaches the mounts */
};

enum isolate_mount_proc_detail {
    ISOLATE_DETAIL_MOUNT_PROC_MOUNT = 0,
    ISOLATE_DETAIL_MOUNT_PROC_OPEN,
    ISOLATE_DETAIL_MOUNT_PROC_BLIND, /* proc does not show the slot's processes */
};

enum isolate_clone_program_detail {
    ISOLATE_DETAIL_CLONE_PROGRAM_PROCESS = 0,
    ISOLATE_DETAIL_CLONE_PROGRAM_CHANNEL,
    ISOLATE_DETAIL_CLONE_PROGRAM_SEAT,    /* the seat did not answer */
    ISOLATE_DETAIL_CLONE_PROGRAM_WAITING, /* the program's process did not report that it waits */
    ISOLATE_DETAIL_CLONE_PROGRAM_BORN,    /* level minimal: it did not report that it can be traced */
};

enum isolate_namespaces_detail {
    ISOLATE_DETAIL_NAMESPACES_PID = 0,
    ISOLATE_DETAIL_NAMESPACES_MOUNT,
    ISOLATE_DETAIL_NAMESPACES_IPC,
    ISOLATE_DETAIL_NAMESPACES_UTS,
    ISOLATE_DETAIL_NAMESPACES_NETWORK,
    ISOLATE_DETAIL_NAMESPACES_SESSION, /* setsid */
};

enum isolate_trace_detail {
    ISOLATE_DETAIL_TRACE_WAITING = 0,
    ISOLATE_DETAIL_TRACE_BORN, /* level minimal: before the program's ids change */
};

enum isolate_request_detail {
    ISOLATE_DETAIL_REQUEST_RECEIVE = 0,
    ISOLATE_DETAIL_REQUEST_ENDED, /* the program's process died before it was ready */
    ISOLATE_DETAIL_REQUEST_SEND,  /* by the embedder */
};

enum isolate_directory_detail {
    ISOLATE_DETAIL_DIRECTORY_CHANGE = 0,
    ISOLATE_DETAIL_DIRECTORY_PATHS, /* level minimal: where /work and /tmp are */
};

enum isolate_run_detail {
    ISOLATE_DETAIL_RUN_HOST_MEMORY = 0, /* the host, or a cgroup above the run's, was out of memory */
    ISOLATE_DETAIL_RUN_HOST_DISK,       /* the disk below the program's files was full */
    ISOLATE_DETAIL_RUN_CANCELLED,
    ISOLATE_DETAIL_RUN_OUTPUT, /* its output could not be collected */
};

enum isolate_file_detail {
    ISOLATE_DETAIL_FILE_OPEN = 0,
    ISOLATE_DETAIL_FILE_ASK,
    ISOLATE_DETAIL_FILE_WRITE,
    ISOLATE_DETAIL_FILE_READ,
    ISOLATE_DETAIL_FILE_CONTENT,         /* of an executable, in a memory file */
    ISOLATE_DETAIL_FILE_DESCRIPTORS = 6, /* this process had no room for its descriptor */
    ISOLATE_DETAIL_FILE_ROOM,            /* container: no room within the disk limit */
};

enum isolate_protocol_detail {
    ISOLATE_DETAIL_PROTOCOL_RECORD = 0, /* a record that is not allowed here */
    ISOLATE_DETAIL_PROTOCOL_ANSWER,
    ISOLATE_DETAIL_PROTOCOL_ASK,
};

#endif
