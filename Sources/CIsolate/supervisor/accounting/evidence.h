/* Limits that leave their mark in /work and /tmp. */
#ifndef ISOLATE_ACCOUNTING_EVIDENCE_H
#define ISOLATE_ACCOUNTING_EVIDENCE_H

#include "slot_state.h"

int scratch_is_full(struct slot *slot);
/* Whether files that no quota bounds lie on a disk without room: the host's, or the engine's. */
int host_disk_is_full(const struct slot *slot);

/* Begins to count the bytes of the root file system that were written since `since_ns`, other mounts left
 * out. */
void evidence_begin_root(const struct slot *slot, uint64_t since_ns);
/* Goes on with it for some hundred entries, or to its end. Returns 1 when all was counted. */
int evidence_step_root(const struct slot *slot, int is_last, uint64_t *bytes);
uint32_t evidence_of_files(struct slot *slot, const struct isolate_ready_record *ready, int has_failed);

#endif
