/*
 * The frames between an embedder and the agent in a container.
 *
 * The agent is the supervisor's executable as the first process of a container. Only a byte stream leads
 * there, so records and descriptors travel as frames: a header, then its payload. Numbers are in the
 * processor's byte order, which is the same on both sides. Shared by libc code and freestanding code: types
 * and constants only.
 */
#ifndef ISOLATE_AGENT_H
#define ISOLATE_AGENT_H

#include "isolate_protocol.h"

enum { ISOLATE_AGENT_VERSION = 7 };
/* The size of /dev/shm that the embedder requests from the engine, by which the agent recognizes the
 * container's own. */
#define ISOLATE_AGENT_SHARED_MEMORY (1ull << 40)
/* The largest payload of a frame, either way. */
enum { ISOLATE_FRAME_MAX = 32 << 10 };
/* The most bytes of a program's stdin that are under way; INPUT_TAKEN makes room for more. */
enum { ISOLATE_AGENT_INPUT_WINDOW = 64 << 10 };

/* The streams of a program, as frames number them. */
enum isolate_agent_stream {
    ISOLATE_AGENT_STDIN = 0,
    ISOLATE_AGENT_STDOUT = 1,
    ISOLATE_AGENT_STDERR = 2,
};
/* Which of its outputs went beyond their bound, as bits. */
enum isolate_agent_exceeded {
    ISOLATE_AGENT_STDOUT_EXCEEDED = 1 << 0,
    ISOLATE_AGENT_STDERR_EXCEEDED = 1 << 1,
};

struct isolate_frame {
    uint32_t type; /* enum isolate_frame_type */
    uint32_t bytes;
};

enum isolate_frame_type {
    /* embedder -> agent */
    ISOLATE_FRAME_CONFIG = 1, /* struct isolate_config and its texts; once, before all else */
    ISOLATE_FRAME_CONTROL,    /* struct isolate_prepare_record: PREPARE, CLEAR, SET_DISK, END_RUN, LOOK */
    ISOLATE_FRAME_OPEN,       /* struct isolate_agent_file; its content follows in CONTENT frames */
    ISOLATE_FRAME_RUN,        /* struct isolate_agent_run and strings; content may follow */
    ISOLATE_FRAME_CONTENT,    /* the next bytes of what was announced */
    ISOLATE_FRAME_INPUT,      /* the next bytes of stdin; an empty frame: its end */
    ISOLATE_FRAME_CREDIT,     /* struct isolate_agent_credit; 0 bytes: the stream is read no more */
    /* agent -> embedder */
    ISOLATE_FRAME_HELLO = 64, /* struct isolate_agent_hello; the first one */
    ISOLATE_FRAME_STATUS,     /* struct isolate_agent_status: the answer to CONTROL and OPEN */
    ISOLATE_FRAME_ENDED,      /* struct isolate_agent_ended; after all output */
    ISOLATE_FRAME_STDOUT,     /* bytes; none: no process can write to it any more */
    ISOLATE_FRAME_STDERR,
    /* struct isolate_agent_credit: the program read them, or they were discarded; 0 bytes: it reads no more.
     */
    ISOLATE_FRAME_INPUT_TAKEN,
    ISOLATE_FRAME_FILE, /* bytes of what was opened for reading, or of a listing; none: its end */
};

struct isolate_agent_hello {
    uint32_t version;      /* ISOLATE_AGENT_VERSION */
    uint32_t config_bytes; /* sizeof (struct isolate_config): another size means another build and protocol */
    uint32_t landlock_abi;
    uint32_t cgroup_kind; /* enum isolate_cgroup_kind; NONE: the agent cannot read its files */
    uint32_t cgroup_version;
    uint32_t layers;                /* bits of enum isolate_layer that the agent found */
    struct isolate_failure failure; /* why there is no slot */
};

struct isolate_agent_status {
    struct isolate_status_record status;
    /* Memory that the sandbox's files and kept files occupy: the engine's limit must leave room for it. */
    uint64_t held_bytes;
};

struct isolate_agent_file { /* OPEN */
    uint64_t bytes;         /* READ, LIST, DESCRIBE: the most that is wanted; WRITE, PLACE: how many follow */
    struct isolate_file_record file;
};

struct isolate_agent_run {         /* RUN */
    uint64_t output_bytes;         /* the most bytes of stdout, and of stderr */
    uint64_t credit[2];            /* bytes of stdout and stderr that the agent may send at first */
    uint64_t input_bytes;          /* of a complete input, which follows as CONTENT */
    uint32_t input_streams;        /* 1: stdin comes as INPUT frames */
    uint32_t strings_follow;       /* 1: the header's string_bytes follow as CONTENT, before the input */
    struct isolate_run_header run; /* then the strings, unless they follow */
};

struct isolate_agent_credit { /* CREDIT, INPUT_TAKEN */
    uint32_t stream;          /* enum isolate_agent_stream */
    uint32_t bytes;
};

struct isolate_agent_ended {
    struct isolate_run_record record;
    uint32_t exceeded; /* bits: 1 stdout, 2 stderr exceeded its bound */
    uint32_t reserved;
    uint64_t held_bytes;
};

#endif
