/* The contents that a slot keeps between its sandboxes: bounded, and the oldest unused ones make room. */
#ifndef ISOLATE_TREE_KEPT_STORE_H
#define ISOLATE_TREE_KEPT_STORE_H

#include "slot_state.h"

struct kept_file {
    uint64_t number; /* the content's, as the embedder counts; 0: none */
    uint32_t executable;
    uint64_t bytes; /* in whole pages */
    uint64_t last_use;
    int memory; /* a file in memory with the content; -1: it is a file of the tmpfs */
};

/* Once for a slot: contents are files of a tmpfs, which can be mounted; where that is refused or not
 * possible, the slot keeps nothing or, after kept_store_use_memory, files in memory, which can only be
 * copied. */
void kept_store_use_tmpfs(struct slot *slot);
void kept_store_use_memory(void);

/* 0: not there. */
struct kept_file *kept_store_find(uint64_t number, uint32_t executable);
/* Keeps the content of a file. 0 when it cannot be kept. */
struct kept_file *kept_store_add(struct slot *slot, uint64_t number, uint32_t executable, int content);
void kept_store_note_use(struct kept_file *file);

/* Opens the content for reading, at its start. The caller closes it. */
int kept_store_open(const struct slot *slot, const struct kept_file *file);
/* A mount of this one file, which shows nothing else of the tmpfs; read-only. The caller closes it. */
int kept_store_mount(const struct slot *slot, const struct kept_file *file);

/* Memory that all of them take, in bytes. */
uint64_t kept_store_bytes(void);

#endif
