/* The supervisor's process. */
#ifndef ISOLATE_PROCESS_SUPERVISOR_H
#define ISOLATE_PROCESS_SUPERVISOR_H

void supervisor_main(void) __attribute__((noreturn));

#endif
