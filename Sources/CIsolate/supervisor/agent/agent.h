/* The first process of a container. */
#ifndef ISOLATE_AGENT_AGENT_H
#define ISOLATE_AGENT_AGENT_H

#include "isolate_agent.h"

void agent_main(void) __attribute__((noreturn));

enum { EXIT_PROTOCOL = 3, EXIT_SLOT = 4 };
void agent_leave(int code) __attribute__((noreturn));
void agent_send_status(const struct isolate_status_record *record);
/* The slot's answer, and its descriptor. */
void agent_wait_for_status(struct isolate_status_record *status, int *fd);

#endif
