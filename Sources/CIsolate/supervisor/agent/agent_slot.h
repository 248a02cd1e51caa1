/* The agent's slot, and the end of its last run. */
#ifndef ISOLATE_AGENT_AGENT_SLOT_H
#define ISOLATE_AGENT_AGENT_SLOT_H

#include <stddef.h>

#include "isolate_agent.h"

/* Starts it with a configuration whose ids are the container's, and takes its user id. */
struct isolate_failure agent_slot_start(const struct isolate_config *config);
/* The kind of cgroup that accounts for its runs. */
uint32_t agent_slot_cgroup_kind(void);

/* The socket of its records, to poll. */
int agent_slot_socket(void);
/* Sends a record to the slot; 0, or -errno when the slot is dead. */
int agent_slot_tell(const void *record, size_t bytes);
/* The same with a descriptor; -1: none. */
int agent_slot_tell_with(const void *record, size_t bytes, int fd);
/* Sends a request to the program's process. 0, or -errno. */
int agent_slot_run(const struct isolate_run_header *header, size_t bytes, const int *fds, unsigned fd_count);
/* Receives a record of the slot and its descriptor; exits when the slot is dead. Returns 1 with a status.
 * Returns 0 when there is none now (`flags`: of recvmsg), or when it was the end of a run, which is kept
 * until agent_slot_forget_run. */
int agent_slot_receive(struct isolate_status_record *status, int *fd, int flags);
/* Waits for a status. */
void agent_slot_wait(struct isolate_status_record *status, int *fd);
/* Sends a status to the embedder, with the memory that the sandbox's files occupy. */
void agent_slot_answer(const struct isolate_status_record *record);

/* The run whose processes are dead and whose output is being sent, or null. */
const struct isolate_run_record *agent_slot_ended_run(void);
/* Records the end of a run that never began. */
void agent_slot_end_run(const struct isolate_run_record *record);
void agent_slot_forget_run(void);

/* The agent does not share the slot's state, so a caller that forwards a new disk limit sets it here, too,
 * and one that hears how much memory kept files take. */
void agent_slot_set_disk(uint64_t bytes);
void agent_slot_note_kept(uint64_t bytes);
/* Memory that the sandbox's files and kept files occupy, in bytes; whether the disk limit has room for this
 * many more. */
uint64_t agent_slot_held(void);
int agent_slot_has_room(uint64_t bytes);

#endif
