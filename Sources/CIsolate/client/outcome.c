/* Turns the facts of a run into its outcome. Pure, so that a table test covers every rule. */
#include <sys/wait.h>

#include "isolate.h"

/* Limits that explain a failure. When several were hit before the program failed, the most specific one is
 * named: the first in this order. */
static const int decisive[] = {ISOLATE_LIMIT_STACK, ISOLATE_LIMIT_FILE_SIZE, ISOLATE_LIMIT_DISK,
                               ISOLATE_LIMIT_PROCESSES, ISOLATE_LIMIT_OPEN_FILES};

enum {
    DECISIVE_COUNT = sizeof decisive / sizeof decisive[0],
    LIMIT_HITS = ISOLATE_HIT_MEMORY | ISOLATE_HIT_PROCESSES | ISOLATE_HIT_DISK | ISOLATE_HIT_FILE_SIZE |
                 ISOLATE_HIT_OPEN_FILES | ISOLATE_HIT_STACK
};

static void decide_program_end(const isolate_run_record *record, int output_exceeded,
                               isolate_outcome *outcome) {
    if (WIFSIGNALED(record->wait_status)) {
        outcome->kind = ISOLATE_OUTCOME_SIGNALED;
        outcome->value = WTERMSIG(record->wait_status);
    } else {
        outcome->kind = ISOLATE_OUTCOME_EXITED;
        outcome->value = WEXITSTATUS(record->wait_status);
    }
    int limit = ISOLATE_LIMIT_NONE;
    if (output_exceeded)
        limit = ISOLATE_LIMIT_OUTPUT; /* the output was cut, so the run is no success */
    else if (record->wait_status != 0)
        for (int i = DECISIVE_COUNT - 1; i >= 0; i--)
            if (record->hits & (1u << decisive[i]))
                limit = decisive[i];
    if (limit != ISOLATE_LIMIT_NONE) {
        outcome->kind = ISOLATE_OUTCOME_LIMIT;
        outcome->limit = limit;
    } else if (record->wait_status != 0 && (record->hits & ISOLATE_HIT_HOST_DISK)) {
        /* The host's disk was full, so the program's failure is not its own. */
        outcome->kind = ISOLATE_OUTCOME_HOST_DISK;
        outcome->value = 0;
    }
}

isolate_outcome isolate_outcome_of(const isolate_run_record *record, int output_exceeded) {
    isolate_outcome outcome = {ISOLATE_OUTCOME_LIMIT, 0, ISOLATE_LIMIT_NONE, 0};
    switch (record->end) {
    case ISOLATE_END_PROGRAM:
        decide_program_end(record, output_exceeded, &outcome);
        break;
    case ISOLATE_END_WALL:
        outcome.limit = ISOLATE_LIMIT_WALL_TIME;
        break;
    case ISOLATE_END_CPU:
        outcome.limit = ISOLATE_LIMIT_CPU_TIME;
        break;
    case ISOLATE_END_MEMORY:
        outcome.limit = ISOLATE_LIMIT_MEMORY;
        break;
    case ISOLATE_END_OUTPUT:
        outcome.limit = ISOLATE_LIMIT_OUTPUT;
        break;
    case ISOLATE_END_BLOCKED:
        outcome.kind = ISOLATE_OUTCOME_BLOCKED;
        break;
    case ISOLATE_END_CANCEL:
        outcome.kind = ISOLATE_OUTCOME_CANCELLED;
        break;
    case ISOLATE_END_HOST_OOM:
        outcome.kind = ISOLATE_OUTCOME_HOST_OOM;
        break;
    default:
        outcome.kind = ISOLATE_OUTCOME_FAILED;
        break;
    }
    outcome.limits_hit = record->hits & LIMIT_HITS;
    if (output_exceeded)
        outcome.limits_hit |= 1u << ISOLATE_LIMIT_OUTPUT;
    if (outcome.limit != ISOLATE_LIMIT_NONE)
        outcome.limits_hit &= ~(1u << outcome.limit);
    return outcome;
}
