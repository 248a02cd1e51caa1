/* Detects limits by the files that a run leaves. */
#ifndef ISOLATE_ACCOUNTING_EVIDENCE_H
#define ISOLATE_ACCOUNTING_EVIDENCE_H

#include "slot_state.h"

/* Whether the disk limit is reached. */
int disk_is_full(struct slot *slot);
/* Whether files that no quota bounds lie on a full disk of the host or the engine. */
int host_disk_is_full(const struct slot *slot);

/* Bits of enum isolate_hit: the disk limit and, for a run that `has_failed`, a file of exactly the largest
 * size. `ready`: the run's record from its start. */
uint32_t evidence_of_files(struct slot *slot, const struct isolate_ready_record *ready, int has_failed);

#endif
