/* The agent's stream: frames in, frames out, never blocking. */
#ifndef ISOLATE_AGENT_AGENT_STREAM_H
#define ISOLATE_AGENT_AGENT_STREAM_H

#include "isolate_agent.h"

enum { STREAM_IN_BYTES = 128 << 10, STREAM_OUT_BYTES = 256 << 10 };
/* Room that senders of data leave free for answers, which cannot wait. */
enum { STREAM_RESERVE = 16 << 10 };

/* Exit codes of the agent: the peer violates the protocol; the slot is dead. */
enum { EXIT_PROTOCOL = 3, EXIT_SLOT = 4 };

/* Moves the stream from descriptors 0 and 1; afterwards 0 to 2 are /dev/null. */
int stream_open(void);
int stream_in(void);
int stream_out(void);
/* Reads what has arrived. Ends the agent at the end of the stream, when the embedder is gone. */
void stream_fill(void);
/* The next whole frame, valid until the next call, or null. A malformed frame ends the agent. */
const struct isolate_frame *stream_next(const uint8_t **payload);
/* Waits for the first frame. */
const struct isolate_frame *stream_wait(const uint8_t **payload);
/* Where the caller may put a payload of at most `most` bytes, which stream_commit then sends; null when there
 * is no room. */
uint8_t *stream_reserve(uint32_t most);
void stream_commit(uint32_t type, uint32_t bytes);
void stream_send(uint32_t type, const void *payload, uint32_t bytes);
/* How many bytes of data, which can wait, have room. */
uint32_t stream_room(void);
int stream_has_output(void);
void stream_flush(void);
/* Sends what the embedder still reads, and ends the agent. */
void stream_leave(int code) __attribute__((noreturn));
/* Moves the bytes between `*begin` and `*end` to the buffer's start. */
void stream_shift(uint8_t *buffer, uint32_t *begin, uint32_t *end);

#endif
