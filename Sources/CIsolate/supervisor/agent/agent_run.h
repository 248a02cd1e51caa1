/* The three streams of one run. */
#ifndef ISOLATE_AGENT_AGENT_RUN_H
#define ISOLATE_AGENT_AGENT_RUN_H

#include "isolate_agent.h"
#include "sys.h"

/* Makes what the next run needs, between two runs. */
void agent_run_make_ready(void);
/* The program's ends, to be sent and then closed by the caller. 0, or -errno. */
int agent_run_open(const struct isolate_agent_run *run, int input_file, int theirs[3]);
void agent_run_credit(uint32_t stream, uint32_t bytes);
void agent_run_input(const uint8_t *bytes, uint32_t count);
/* What to wait for; `fds` has room for three. */
unsigned agent_run_poll(struct sys_pollfd *fds);
/* Moves what can be moved. Returns 1 when output has just gone beyond its bound. */
int agent_run_move(void);
/* Every process is dead: what the pipes hold is all there will be. Returns 1 when all of it is on its way. */
int agent_run_drain(void);
uint32_t agent_run_exceeded(void);
void agent_run_close(void);

#endif
