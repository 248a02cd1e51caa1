/* The agent's stream: frames in, frames out, never blocking. */
#ifndef ISOLATE_AGENT_AGENT_STREAM_H
#define ISOLATE_AGENT_AGENT_STREAM_H

#include "isolate_agent.h"

enum { STREAM_IN_BYTES = 128 << 10, STREAM_OUT_BYTES = 256 << 10 };
/* Kept free by those who send what can wait, for answers, which cannot. */
enum { STREAM_RESERVE = 16 << 10 };

/* Why the agent ends by itself: what came is not our protocol; its slot is dead. */
enum { EXIT_PROTOCOL = 3, EXIT_SLOT = 4 };

/* Takes over descriptors 0 and 1; 0 to 2 are /dev/null afterwards. */
int stream_open(void);
int stream_in(void);
int stream_out(void);
/* Reads what is there. Ends the agent at the end of the stream: the embedder is gone. */
void stream_fill(void);
/* The next whole frame, valid until the next call, or null. A malformed one ends the agent. */
const struct isolate_frame *stream_next(const uint8_t **payload);
/* Waits for the first frame. */
const struct isolate_frame *stream_wait(const uint8_t **payload);
/* Where a payload of at most `most` bytes may be put, after which stream_commit sends it; null: no room. */
uint8_t *stream_reserve(uint32_t most);
void stream_commit(uint32_t type, uint32_t bytes);
void stream_send(uint32_t type, const void *payload, uint32_t bytes);
/* Bytes that can be reserved for what can wait. */
uint32_t stream_room(void);
int stream_has_output(void);
void stream_flush(void);
/* Flushes, as far as the embedder reads, and ends the agent. */
void stream_leave(int code) __attribute__((noreturn));
/* Moves what lies between `*begin` and `*end` to the buffer's start. */
void stream_shift(uint8_t *buffer, uint32_t *begin, uint32_t *end);

#endif
