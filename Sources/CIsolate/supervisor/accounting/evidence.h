/* Limits that leave their mark in files. */
#ifndef ISOLATE_ACCOUNTING_EVIDENCE_H
#define ISOLATE_ACCOUNTING_EVIDENCE_H

#include "slot_state.h"

/* The disk limit is reached. */
int disk_is_full(struct slot *slot);
/* Whether files that no quota bounds lie on a disk without room: the host's, or the engine's. */
int host_disk_is_full(const struct slot *slot);

/* Bits of enum isolate_hit: the disk limit, and, of a run that `has_failed`, a file of exactly the largest
 * size. `ready`: what the run said when it began. */
uint32_t evidence_of_files(struct slot *slot, const struct isolate_ready_record *ready, int has_failed);

#endif
