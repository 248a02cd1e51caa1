/* The system call policy: which call gets which of the three answers. */
#ifndef ISOLATE_POLICY_H
#define ISOLATE_POLICY_H

#include <stdint.h>

enum policy_answer {
    POLICY_SILENT = 0, /* ENOSYS: also every number without an entry */
    POLICY_ALLOW,
    POLICY_IGNORE,      /* nothing is done, and 0 is returned: mere advice, and flushing */
    POLICY_UNSUPPORTED, /* EOPNOTSUPP, as of a file system that lacks it */
    POLICY_INVALID,     /* EINVAL, as of a kernel that was built without it */
    POLICY_DENY,        /* an ordinary error, recorded: what harmless programs try and do without */
    POLICY_FATAL,       /* ends the run: what only an attack needs */
    POLICY_TOLD,        /* the slot is told, and lets it go on unless the run's limits forbid it */
    /* depends on an argument */
    POLICY_BY_ARGUMENT, /* allowed, but for isolate_argument_rules */
    POLICY_SOCKET,
    POLICY_LOOPBACK_SOCKET,
    POLICY_SOCKETPAIR,
    POLICY_CLONE,
    POLICY_UNSHARE,
    POLICY_PERSONALITY,
    POLICY_OWN_PROCESS,          /* the first argument names a process: 0, the caller, only */
    POLICY_NOT_INIT,             /* the first argument names a process: any but pid 1 */
    POLICY_TOLD_NOT_INIT,        /* POLICY_TOLD for any process but pid 1 */
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

enum policy_match {
    POLICY_MATCH_VALUE,
    POLICY_MATCH_ANY_BIT,
    POLICY_MATCH_GIGABYTES, /* so many times 4 GiB or more: the high half is looked at */
};
enum { POLICY_TELL = -1 }; /* as POLICY_DENY, in place of an errno */

/* One thing that an allowed call may not be asked to do. The argument's low half is looked at. */
struct argument_rule {
    const char *name;
    int index; /* of the argument, from 0 */
    enum policy_match match;
    uint32_t value;
    int answer; /* an errno, 0 for "done" without doing it, or POLICY_TELL */
    /* Only where another argument, not the first one, has this value; 0: always. */
    int where;
    uint32_t where_value;
};

/* Ends with a null name. The rules of one call stand together, those of one argument of it, too. */
extern const struct argument_rule isolate_argument_rules[];
/* And where the program's user is somebody else's, too (ISOLATE_FILTER_SHARED_USER). */
extern const struct argument_rule isolate_shared_user_rules[];

/* What clone may be asked for: threads, fork and vfork. Not CLONE_PTRACE and CLONE_PARENT, which would make
 * the slot the child's tracer or parent, and no namespaces. */
#define POLICY_CLONE_FLAGS                                                                                   \
    (0xffu /* the signal at the end */ | CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_PIDFD |   \
     CLONE_VFORK | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID |                       \
     CLONE_CHILD_CLEARTID | CLONE_DETACHED | CLONE_UNTRACED | CLONE_CHILD_SETTID | CLONE_IO)

#endif
