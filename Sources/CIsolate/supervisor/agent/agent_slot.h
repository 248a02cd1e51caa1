/* The agent's slot, and what it said last. */
#ifndef ISOLATE_AGENT_AGENT_SLOT_H
#define ISOLATE_AGENT_AGENT_SLOT_H

#include <stddef.h>

#include "isolate_agent.h"

/* Makes it, by a configuration whose ids are the container's, and takes its user id. */
struct isolate_failure agent_slot_start(const struct isolate_config *config);
/* What accounts for its runs. */
uint32_t agent_slot_cgroup_kind(void);

/* Where its records come from, to wait for one. */
int agent_slot_socket(void);
/* Sends it a record; 0, or -errno when it is dead. */
int agent_slot_tell(const void *record, size_t bytes);
/* Sends a request to the program's process. 0, or -errno. */
int agent_slot_run(const struct isolate_run_header *header, size_t bytes, const int *fds, unsigned fd_count);
/* A record of the slot's and its descriptor; its death is our end. 1 with a status. 0 when there is none now
 * (`flags`: of recvmsg), or when it was the end of a run, which is kept until somebody forgets it. */
int agent_slot_receive(struct isolate_status_record *status, int *fd, int flags);
/* Waits for a status. */
void agent_slot_wait(struct isolate_status_record *status, int *fd);
/* Sends a status to the embedder, with what the files of the sandbox hold. */
void agent_slot_answer(const struct isolate_status_record *record);

/* The run whose processes are dead and whose output is on its way, or null. */
const struct isolate_run_record *agent_slot_ended_run(void);
/* One that never began ends as well. */
void agent_slot_end_run(const struct isolate_run_record *record);
void agent_slot_forget_run(void);

/* The slot's state is not shared with it: who passes a new disk limit on says it here, too. */
void agent_slot_set_disk(uint64_t bytes);
/* Memory of the sandbox's files, in bytes, and whether there is room for so many more. */
uint64_t agent_slot_held(void);
int agent_slot_has_room(uint64_t bytes);

#endif
