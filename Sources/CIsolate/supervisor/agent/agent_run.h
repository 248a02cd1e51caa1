/* The three streams of one run. */
#ifndef ISOLATE_AGENT_AGENT_RUN_H
#define ISOLATE_AGENT_AGENT_RUN_H

#include "isolate_agent.h"
#include "sys.h"

/* Between two runs: makes the pipes of the next one. */
void agent_run_make_ready(void);
/* Opens the streams; returns the program's ends, which the caller sends and then closes. 0, or -errno. */
int agent_run_open(const struct isolate_agent_run *run, int input_file, int theirs[3]);
void agent_run_credit(uint32_t stream, uint32_t bytes);
void agent_run_input(const uint8_t *bytes, uint32_t count);
/* The descriptors to poll; `fds` has room for three. */
unsigned agent_run_poll(struct sys_pollfd *fds);
/* Moves bytes as far as possible. Returns 1 when output has just exceeded its bound. */
int agent_run_move(void);
/* Called when every process is dead, so that the pipes hold the rest of the output. Returns 1 when all of it
 * is sent or queued. */
int agent_run_drain(void);
uint32_t agent_run_exceeded(void);
void agent_run_close(void);

#endif
