/* The outcome of a record: isolate_outcome_of over ends, wait statuses, hits and outputs. */
#include <signal.h>

#include "isolate.h"
#include "test.h"

enum { EXIT_0 = 0, EXIT_1 = 1 << 8, EXIT_137 = 137 << 8, CORE = 0x80 };
#define BIT(limit) (1u << ISOLATE_LIMIT_##limit)
#define LIMITED(limit) ISOLATE_OUTCOME_LIMIT, 0, ISOLATE_LIMIT_##limit

static const struct {
    const char *name;
    uint32_t end;
    int wait_status;
    uint32_t hits;
    int output_exceeded;
    struct { /* expected */
        int kind, value, limit;
        uint32_t limits_hit;
    } is;
} cases[] = {
    /* The program ended by itself. */
    {"exit 0", ISOLATE_END_PROGRAM, EXIT_0, 0, 0, {ISOLATE_OUTCOME_EXITED, 0, 0, 0}},
    {"exit 1", ISOLATE_END_PROGRAM, EXIT_1, 0, 0, {ISOLATE_OUTCOME_EXITED, 1, 0, 0}},
    {"exit 137 is no kill", ISOLATE_END_PROGRAM, EXIT_137, 0, 0, {ISOLATE_OUTCOME_EXITED, 137, 0, 0}},
    {"exit 255", ISOLATE_END_PROGRAM, 255 << 8, 0, 0, {ISOLATE_OUTCOME_EXITED, 255, 0, 0}},
    {"SIGSEGV", ISOLATE_END_PROGRAM, SIGSEGV, 0, 0, {ISOLATE_OUTCOME_SIGNALED, SIGSEGV, 0, 0}},
    {"with core", ISOLATE_END_PROGRAM, SIGSEGV | CORE, 0, 0, {ISOLATE_OUTCOME_SIGNALED, SIGSEGV, 0, 0}},
    /* A signal is never evidence of a limit. */
    {"SIGKILL", ISOLATE_END_PROGRAM, SIGKILL, 0, 0, {ISOLATE_OUTCOME_SIGNALED, SIGKILL, 0, 0}},
    {"SIGXCPU", ISOLATE_END_PROGRAM, SIGXCPU, 0, 0, {ISOLATE_OUTCOME_SIGNALED, SIGXCPU, 0, 0}},
    {"SIGXFSZ", ISOLATE_END_PROGRAM, SIGXFSZ, 0, 0, {ISOLATE_OUTCOME_SIGNALED, SIGXFSZ, 0, 0}},
    {"SIGSYS", ISOLATE_END_PROGRAM, SIGSYS, 0, 0, {ISOLATE_OUTCOME_SIGNALED, SIGSYS, 0, 0}},
    {"last signal", ISOLATE_END_PROGRAM, 64, 0, 0, {ISOLATE_OUTCOME_SIGNALED, 64, 0, 0}},
    /* A hit counts only for a run that ended unsuccessfully. */
    {"processes, survived",
     ISOLATE_END_PROGRAM,
     EXIT_0,
     ISOLATE_HIT_PROCESSES,
     0,
     {ISOLATE_OUTCOME_EXITED, 0, 0, BIT(PROCESSES)}},
    {"processes, failed", ISOLATE_END_PROGRAM, EXIT_1, ISOLATE_HIT_PROCESSES, 0, {LIMITED(PROCESSES), 0}},
    {"disk, survived",
     ISOLATE_END_PROGRAM,
     EXIT_0,
     ISOLATE_HIT_DISK,
     0,
     {ISOLATE_OUTCOME_EXITED, 0, 0, BIT(DISK)}},
    {"disk, failed", ISOLATE_END_PROGRAM, EXIT_1, ISOLATE_HIT_DISK, 0, {LIMITED(DISK), 0}},
    {"disk, died", ISOLATE_END_PROGRAM, SIGBUS, ISOLATE_HIT_DISK, 0, {LIMITED(DISK), 0}},
    {"file size, survived",
     ISOLATE_END_PROGRAM,
     EXIT_0,
     ISOLATE_HIT_FILE_SIZE,
     0,
     {ISOLATE_OUTCOME_EXITED, 0, 0, BIT(FILE_SIZE)}},
    {"file size, died", ISOLATE_END_PROGRAM, SIGXFSZ, ISOLATE_HIT_FILE_SIZE, 0, {LIMITED(FILE_SIZE), 0}},
    {"open files, survived",
     ISOLATE_END_PROGRAM,
     EXIT_0,
     ISOLATE_HIT_OPEN_FILES,
     0,
     {ISOLATE_OUTCOME_EXITED, 0, 0, BIT(OPEN_FILES)}},
    {"open files, failed", ISOLATE_END_PROGRAM, EXIT_1, ISOLATE_HIT_OPEN_FILES, 0, {LIMITED(OPEN_FILES), 0}},
    {"stack, caught",
     ISOLATE_END_PROGRAM,
     EXIT_0,
     ISOLATE_HIT_STACK,
     0,
     {ISOLATE_OUTCOME_EXITED, 0, 0, BIT(STACK)}},
    {"stack, died", ISOLATE_END_PROGRAM, SIGSEGV, ISOLATE_HIT_STACK, 0, {LIMITED(STACK), 0}},
    /* Several hits: the most specific one is named, the others are listed. */
    {"stack before open files",
     ISOLATE_END_PROGRAM,
     SIGSEGV,
     ISOLATE_HIT_STACK | ISOLATE_HIT_OPEN_FILES,
     0,
     {LIMITED(STACK), BIT(OPEN_FILES)}},
    {"file size before disk",
     ISOLATE_END_PROGRAM,
     EXIT_1,
     ISOLATE_HIT_DISK | ISOLATE_HIT_FILE_SIZE,
     0,
     {LIMITED(FILE_SIZE), BIT(DISK)}},
    {"disk before processes",
     ISOLATE_END_PROGRAM,
     EXIT_1,
     ISOLATE_HIT_DISK | ISOLATE_HIT_PROCESSES,
     0,
     {LIMITED(DISK), BIT(PROCESSES)}},
    {"all, survived",
     ISOLATE_END_PROGRAM,
     EXIT_0,
     ~0u,
     0,
     {ISOLATE_OUTCOME_EXITED, 0, 0,
      BIT(STACK) | BIT(FILE_SIZE) | BIT(DISK) | BIT(PROCESSES) | BIT(OPEN_FILES) | BIT(MEMORY)}},
    /* For memory only the recorded end counts. */
    {"memory hit, exit 1",
     ISOLATE_END_PROGRAM,
     EXIT_1,
     ISOLATE_HIT_MEMORY,
     0,
     {ISOLATE_OUTCOME_EXITED, 1, 0, BIT(MEMORY)}},
    {"memory", ISOLATE_END_MEMORY, SIGKILL, ISOLATE_HIT_MEMORY, 0, {LIMITED(MEMORY), 0}},
    {"memory of a child", ISOLATE_END_MEMORY, EXIT_0, ISOLATE_HIT_MEMORY, 0, {LIMITED(MEMORY), 0}},
    {"host's memory", ISOLATE_END_HOST_OOM, SIGKILL, 0, 0, {ISOLATE_OUTCOME_HOST_OOM, 0, 0, 0}},
    {"host's disk",
     ISOLATE_END_PROGRAM,
     EXIT_1,
     ISOLATE_HIT_HOST_DISK,
     0,
     {ISOLATE_OUTCOME_HOST_DISK, 0, 0, 0}},
    {"host's disk, a signal",
     ISOLATE_END_PROGRAM,
     SIGKILL,
     ISOLATE_HIT_HOST_DISK,
     0,
     {ISOLATE_OUTCOME_HOST_DISK, 0, 0, 0}},
    {"host's disk, but exit 0",
     ISOLATE_END_PROGRAM,
     EXIT_0,
     ISOLATE_HIT_HOST_DISK,
     0,
     {ISOLATE_OUTCOME_EXITED, 0, 0, 0}},
    {"host's disk, and its own limit",
     ISOLATE_END_PROGRAM,
     EXIT_1,
     ISOLATE_HIT_HOST_DISK | ISOLATE_HIT_DISK,
     0,
     {LIMITED(DISK), 0}},
    {"host's disk, while time ran out",
     ISOLATE_END_WALL,
     SIGKILL,
     ISOLATE_HIT_HOST_DISK,
     0,
     {LIMITED(WALL_TIME), 0}},
    /* The slot's clocks and counters decide, whatever the wait status and the hits are. */
    {"wall", ISOLATE_END_WALL, SIGKILL, 0, 0, {LIMITED(WALL_TIME), 0}},
    {"wall, exit 0 meanwhile", ISOLATE_END_WALL, EXIT_0, 0, 0, {LIMITED(WALL_TIME), 0}},
    {"wall, other hits",
     ISOLATE_END_WALL,
     SIGKILL,
     ISOLATE_HIT_PROCESSES,
     0,
     {LIMITED(WALL_TIME), BIT(PROCESSES)}},
    {"cpu", ISOLATE_END_CPU, SIGKILL, 0, 0, {LIMITED(CPU_TIME), 0}},
    {"cpu, exit 0 meanwhile", ISOLATE_END_CPU, EXIT_0, ISOLATE_HIT_STACK, 0, {LIMITED(CPU_TIME), BIT(STACK)}},
    {"cpu, much output", ISOLATE_END_CPU, SIGKILL, 0, 1, {LIMITED(CPU_TIME), BIT(OUTPUT)}},
    {"output", ISOLATE_END_OUTPUT, SIGKILL, 0, 1, {LIMITED(OUTPUT), 0}},
    {"output by the embedder's word", ISOLATE_END_OUTPUT, SIGKILL, 0, 0, {LIMITED(OUTPUT), 0}},
    {"output, exit 0", ISOLATE_END_PROGRAM, EXIT_0, 0, 1, {LIMITED(OUTPUT), 0}},
    {"output, exit 1", ISOLATE_END_PROGRAM, EXIT_1, 0, 1, {LIMITED(OUTPUT), 0}},
    {"output before hits", ISOLATE_END_PROGRAM, EXIT_1, ISOLATE_HIT_DISK, 1, {LIMITED(OUTPUT), BIT(DISK)}},
    {"output before SIGPIPE", ISOLATE_END_PROGRAM, SIGPIPE, 0, 1, {LIMITED(OUTPUT), 0}},
    /* The other ends. */
    {"blocked", ISOLATE_END_BLOCKED, SIGKILL, 0, 0, {ISOLATE_OUTCOME_BLOCKED, 0, 0, 0}},
    {"blocked, hits",
     ISOLATE_END_BLOCKED,
     SIGKILL,
     ISOLATE_HIT_DISK,
     1,
     {ISOLATE_OUTCOME_BLOCKED, 0, 0, BIT(DISK) | BIT(OUTPUT)}},
    {"cancelled", ISOLATE_END_CANCEL, SIGKILL, 0, 0, {ISOLATE_OUTCOME_CANCELLED, 0, 0, 0}},
    {"failed", ISOLATE_END_FAILURE, 127 << 8, 0, 0, {ISOLATE_OUTCOME_FAILED, 0, 0, 0}},
    {"an unknown end", 99, EXIT_0, 0, 0, {ISOLATE_OUTCOME_FAILED, 0, 0, 0}},
    {"an end of all bits", 0xffffffff, EXIT_0, 0, 0, {ISOLATE_OUTCOME_FAILED, 0, 0, 0}},
};

static isolate_outcome outcome(uint32_t end, int wait_status, uint32_t hits, int output_exceeded) {
    isolate_run_record record = {
        .type = ISOLATE_RUN_ENDED, .end = end, .wait_status = wait_status, .hits = hits};
    return isolate_outcome_of(&record, output_exceeded);
}

TEST(outcome_table) {
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_context("%s", cases[i].name);
        isolate_outcome is =
            outcome(cases[i].end, cases[i].wait_status, cases[i].hits, cases[i].output_exceeded);
        CHECK_EQUAL(is.kind, cases[i].is.kind);
        /* With a limit, the value is the program's own end, if it had one. */
        if (is.kind != ISOLATE_OUTCOME_LIMIT)
            CHECK_EQUAL(is.value, cases[i].is.value);
        CHECK_EQUAL(is.limit, cases[i].is.limit);
        CHECK_EQUAL(is.limits_hit, cases[i].is.limits_hit);
    }
}

/* Rules that hold for every record. */
TEST(outcome_rules) {
    static const int statuses[] = {EXIT_0, EXIT_1, EXIT_137, SIGKILL, SIGSEGV | CORE, SIGXCPU, SIGXFSZ};
    for (uint32_t end = 0; end <= ISOLATE_END_FAILURE + 1; end++)
        for (size_t s = 0; s < sizeof statuses / sizeof statuses[0]; s++)
            for (uint32_t hits = 0; hits < 4u * ISOLATE_HIT_HOST_DISK; hits++)
                for (int exceeded = 0; exceeded < 2; exceeded++) {
                    isolate_outcome is = outcome(end, statuses[s], hits, exceeded);
                    test_context("end %u status %x hits %x exceeded %d", end, statuses[s], hits, exceeded);
                    /* A limit is named exactly when it is the outcome, and is not listed again. */
                    CHECK_EQUAL(is.kind == ISOLATE_OUTCOME_LIMIT, is.limit != ISOLATE_LIMIT_NONE);
                    CHECK((is.limits_hit & (1u << is.limit)) == 0);
                    CHECK(is.limits_hit < 1u << ISOLATE_LIMIT_COUNT);
                    /* Only the program's own end has a value, and truncated output is never a success. */
                    if (end != ISOLATE_END_PROGRAM)
                        CHECK_EQUAL(is.value, 0);
                    if (exceeded)
                        CHECK(is.kind != ISOLATE_OUTCOME_EXITED && is.kind != ISOLATE_OUTCOME_SIGNALED);
                    if (end != ISOLATE_END_PROGRAM)
                        CHECK(is.kind != ISOLATE_OUTCOME_EXITED && is.kind != ISOLATE_OUTCOME_SIGNALED);
                    /* A program that ended successfully stays successful, whatever it met. */
                    if (end == ISOLATE_END_PROGRAM && statuses[s] == EXIT_0 && !exceeded)
                        CHECK_EQUAL(is.kind, ISOLATE_OUTCOME_EXITED);
                }
}
