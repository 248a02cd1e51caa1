/* Files of an agent's sandbox, one at a time. */
#ifndef ISOLATE_AGENT_AGENT_FILE_H
#define ISOLATE_AGENT_AGENT_FILE_H

#include "isolate_agent.h"

/* Handles an OPEN frame. */
void agent_file_open(const uint8_t *payload, uint32_t bytes);
void agent_file_content(const uint8_t *bytes, uint32_t count);
/* Sends as much of the file that is being read as there is room for. */
void agent_file_move(void);
int agent_file_is_writing(void);
int agent_file_is_reading(void);

#endif
