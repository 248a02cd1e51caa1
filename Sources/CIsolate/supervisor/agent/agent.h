/* The first process of a container. */
#ifndef ISOLATE_AGENT_AGENT_H
#define ISOLATE_AGENT_AGENT_H

void agent_main(void) __attribute__((noreturn));

#endif
