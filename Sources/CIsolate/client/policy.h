/* The system call policy: which answer each call gets. */
#ifndef ISOLATE_POLICY_H
#define ISOLATE_POLICY_H

#include <stdint.h>

enum policy_answer {
    POLICY_SILENT = 0, /* ENOSYS; also every number without an entry */
    POLICY_ALLOW,
    POLICY_IGNORE,      /* returns 0 without doing anything: hints and flushing */
    POLICY_UNSUPPORTED, /* EOPNOTSUPP, as from a file system that lacks the feature */
    POLICY_INVALID,     /* EINVAL, as from a kernel built without the feature */
    POLICY_DENY,        /* an ordinary error, recorded: what harmless programs try and do without */
    POLICY_FATAL,       /* ends the run: what only an attack needs */
    POLICY_TOLD,        /* notifies the slot, which allows the call unless a limit forbids it */
    /* the answers from here on depend on an argument */
    POLICY_BY_ARGUMENT, /* allowed, except for isolate_argument_rules */
    POLICY_SOCKET,
    POLICY_LOOPBACK_SOCKET,
    POLICY_SOCKETPAIR,
    POLICY_CLONE,
    POLICY_UNSHARE,
    POLICY_PERSONALITY,
    POLICY_OWN_PROCESS,          /* the first argument names a process: only 0, the caller itself */
    POLICY_NOT_INIT,             /* the first argument names a process: any except pid 1 */
    POLICY_TOLD_NOT_INIT,        /* POLICY_TOLD for any process except pid 1 */
    POLICY_NOT_INIT_PRIORITY,    /* setpriority: the second argument; the first is not PRIO_USER */
    POLICY_NOT_INIT_IO_PRIORITY, /* ioprio_set: the same */
    POLICY_STREAM_SOCKET,        /* as POLICY_SOCKET, but no type that sends to a name */
    POLICY_STREAM_SOCKETPAIR,
    POLICY_OWN_PRIORITY, /* the first argument gives the kind of the second: only the calling process */
};

struct policy_entry {
    const char *name;
    enum policy_answer answer;
};

/* Ends with a null name. Names that a kernel or architecture lacks are skipped. */
extern const struct policy_entry isolate_policy[];

enum policy_match {
    POLICY_MATCH_VALUE,
    POLICY_MATCH_ANY_BIT,
    POLICY_MATCH_GIGABYTES, /* at least this many times 4 GiB: compares the high half */
};
enum { POLICY_TELL = -1 }; /* notifies the slot, as POLICY_DENY does */

/* An argument value that an otherwise allowed call must not have; compares the argument's low half. */
struct argument_rule {
    const char *name;
    int index; /* of the argument, from 0 */
    enum policy_match match;
    uint32_t value;
    int answer; /* an errno, 0 to return success without doing the call, or POLICY_TELL */
    /* Only where argument `where` (not the first) has this value; where = 0: always. */
    int where;
    uint32_t where_value;
};

/* Ends with a null name. The rules of one call stand together, and within them those of one argument. */
extern const struct argument_rule isolate_argument_rules[];
/* More rules for a program that shares its user with other processes (ISOLATE_FILTER_SHARED_USER). */
extern const struct argument_rule isolate_shared_user_rules[];

/* The flags that clone accepts: threads, fork and vfork. Not CLONE_PTRACE and CLONE_PARENT, which would make
 * the slot the child's tracer or parent, and no namespaces. */
#define POLICY_CLONE_FLAGS                                                                                   \
    (0xffu /* the signal at the end */ | CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_PIDFD |   \
     CLONE_VFORK | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID |                       \
     CLONE_CHILD_CLEARTID | CLONE_DETACHED | CLONE_UNTRACED | CLONE_CHILD_SETTID | CLONE_IO)

#endif
