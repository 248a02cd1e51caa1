/* The parts of the agent: the stream of frames, and the run whose streams it carries. */
#ifndef ISOLATE_AGENT_PARTS_H
#define ISOLATE_AGENT_PARTS_H

#include "isolate_agent.h"
#include "sys.h"

/* ---- agent_stream.c: frames in, frames out, never blocking ---- */

enum { STREAM_IN_BYTES = 128 << 10, STREAM_OUT_BYTES = 256 << 10 };
/* Kept free by those who send what can wait, for answers, which cannot. */
enum { STREAM_RESERVE = 16 << 10 };

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
/* Moves what lies between `*begin` and `*end` to the buffer's start. */
void stream_shift(uint8_t *buffer, uint32_t *begin, uint32_t *end);

/* ---- agent_run.c: the three streams of one run ---- */

/* Makes what the next run needs, between two runs. */
void run_make_ready(void);
/* The program's ends, to be sent and then closed by the caller. 0, or -errno. */
int run_open(const struct isolate_agent_run *run, int input_file, int theirs[3]);
void run_credit(uint32_t stream, uint32_t bytes);
void run_input(const uint8_t *bytes, uint32_t count);
/* What to wait for; `fds` has room for three. */
unsigned run_poll(struct sys_pollfd *fds);
/* Moves what can be moved. Returns 1 when output has just gone beyond its bound. */
int run_move(void);
/* Every process is dead: what the pipes hold is all there will be. Returns 1 when all of it is on its way. */
int run_drain(void);
uint32_t run_exceeded(void);
void run_close(void);

/* ---- agent_file.c ---- */

struct slot;
/* An OPEN frame; `control`: the slot's. */
void file_open(const struct slot *slot, int control, const uint8_t *payload, uint32_t bytes);
void file_content(const uint8_t *bytes, uint32_t count);
/* Sends as much of a file that is read as there is room for. */
void file_move(void);
int file_is_writing(void);
int file_is_reading(void);

/* ---- agent_ids.c: pure ---- */

/* An id of the container's user namespace, by these maps of it; 0: there is none. `seed`: anything, so that
 * containers differ: the kernel counts processes by user for the whole host. */
uint32_t agent_choose_id(const char *uid_map, const char *gid_map, uint32_t seed);
/* Whether one line of a map covers these ids. */
int agent_covers_ids(const char *map, uint64_t first, uint64_t count);

/* ---- agent_facts.c: looks at the container ---- */

struct isolate_config;
/* The same by this container's own maps. 0, or -errno; -EINVAL: there is no such id. */
int agent_find_id(uint32_t seed, uint32_t *id);
/* Bits of enum isolate_layer that the engine gave. To be called before anything is given up. */
uint32_t agent_layers(const struct isolate_config *config);

/* ---- agent.c ---- */

enum { EXIT_PROTOCOL = 3, EXIT_SLOT = 4 };
void agent_leave(int code) __attribute__((noreturn));
void agent_send_status(const struct isolate_status_record *record);
/* The slot's answer, and its descriptor. */
void agent_wait_for_status(struct isolate_status_record *status, int *fd);

#endif
