/* The system call policy: which call gets which of the three answers. */
#ifndef ISOLATE_POLICY_H
#define ISOLATE_POLICY_H

#include <stdint.h>

enum policy_answer {
    POLICY_SILENT = 0, /* ENOSYS: also every number without an entry */
    POLICY_ALLOW,
    POLICY_DENY,  /* EPERM, recorded */
    POLICY_FATAL, /* ends the run */
    /* depends on an argument */
    POLICY_SOCKET,
    POLICY_SOCKETPAIR,
    POLICY_CLONE,
    POLICY_UNSHARE,
    POLICY_IOCTL,
    POLICY_PERSONALITY,
    POLICY_OWN_PROCESS,          /* the first argument names a process: 0, the caller, only */
    POLICY_NOT_INIT,             /* the first argument names a process: any but pid 1 */
    POLICY_NOT_INIT_PRIORITY,    /* setpriority: the second does, and the first may not say "all of a user" */
    POLICY_NOT_INIT_IO_PRIORITY, /* ioprio_set: the same */
    POLICY_STREAM_SOCKET,        /* as POLICY_SOCKET, and none that sends to a name */
    POLICY_STREAM_SOCKETPAIR,
    POLICY_OWN_PRIORITY, /* the first says what the second names: the calling process only */
};

struct policy_entry {
    const char *name;
    enum policy_answer answer;
};

/* Ends with a null name. Names that a kernel or architecture lacks are skipped. */
extern const struct policy_entry isolate_policy[];

#endif
