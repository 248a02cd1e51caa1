/* One file at a time. */
#ifndef ISOLATE_AGENT_AGENT_FILE_H
#define ISOLATE_AGENT_AGENT_FILE_H

#include "isolate_agent.h"
#include "slot_state.h"

/* An OPEN frame; `control`: the slot's. */
void file_open(const struct slot *slot, int control, const uint8_t *payload, uint32_t bytes);
void file_content(const uint8_t *bytes, uint32_t count);
/* Sends as much of a file that is read as there is room for. */
void file_move(void);
int file_is_writing(void);
int file_is_reading(void);

#endif
