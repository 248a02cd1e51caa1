/* How the slot answers a notification of the filter. */
#ifndef ISOLATE_ANSWER_H
#define ISOLATE_ANSWER_H

#include <linux/seccomp.h>

#include "isolate_protocol.h"

enum answer_kind {
    ANSWER_DENIED, /* the call fails and is listed, whatever the caller of the run chose */
    /* What ordinary programs try: it fails and is listed, or ends the run if the caller chose that. */
    ANSWER_HARMLESS,
    ANSWER_FATAL, /* what only an attack needs: ends the run, unless the caller chose that it fails */
};

struct answer {
    enum answer_kind kind;
    int error; /* a positive errno, if the call fails */
};

/* Pure: decides from the call's number and arguments alone. */
struct answer answer_to(const struct isolate_answers *told, const struct seccomp_data *data);

/* An allowed call of which the filter notifies the slot: one that may take a record lock, which belongs to
 * the process (POSIX) or to the open file (OFD), one that gives a thread a descriptor table of its own, or
 * one that chooses processors. `shares_user`: other processes have the program's user id, so a call may
 * choose for its own process only. */
enum told_call { NOT_MERELY_TOLD, LOCK_OF_PROCESS, LOCK_OF_FILE, OWN_TABLE, CHOICE_OF_PROCESSORS };
enum told_call answer_is_told(const struct seccomp_data *data, int shares_user);

/* Whether the run ends on this answer, with these flags of its request. */
int answer_ends_run(struct answer answer, uint32_t flags);

/* Adds a call that was denied to the run's record, once, as long as there is room. */
void answer_note_denied(struct isolate_run_record *record, struct isolate_syscall call);

#endif
