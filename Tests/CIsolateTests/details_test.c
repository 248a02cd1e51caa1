/* The names of a stage's parts, for people. */
#include <stdio.h>

#include "isolate.h"
#include "test.h"

static const char *name_of(int stage, int index) {
    static char text[32];
    isolate_detail_name(stage, index, text, sizeof text);
    return text;
}

TEST(details_have_names) {
    CHECK_TEXT(name_of(ISOLATE_STAGE_SCRATCH, ISOLATE_DETAIL_SCRATCH_RESIZE), "resize");
    CHECK_TEXT(name_of(ISOLATE_STAGE_OVERLAY, ISOLATE_DETAIL_OVERLAY_USER_ATTRIBUTES), "userAttributes");
    CHECK_TEXT(name_of(ISOLATE_STAGE_LIMITS, ISOLATE_CGROUP_PIDS), "pids");
    CHECK_TEXT(name_of(ISOLATE_STAGE_RLIMITS, 3), "RLIMIT_STACK");
    CHECK_TEXT(name_of(ISOLATE_STAGE_RUN, ISOLATE_DETAIL_RUN_HOST_DISK), "hostDisk");
    CHECK_TEXT(name_of(ISOLATE_STAGE_WATCHDOG, ISOLATE_WATCHDOG_SUPERVISOR), "supervisor");
}

TEST(details_of_many_alike_are_numbers) {
    CHECK_TEXT(name_of(ISOLATE_STAGE_BIND, 17), "17");
    CHECK_TEXT(name_of(ISOLATE_STAGE_EXEC, 0), "0");
    CHECK_TEXT(name_of(ISOLATE_STAGE_SCRATCH, -7), "-7");
    CHECK_TEXT(name_of(-1, 2), "2");
}

/* Two parts of one stage with the same number would share a name. */
TEST(details_of_a_stage_are_told_apart) {
    enum { LEAST = -8, MOST = 16 };
    for (int stage = 0; stage < ISOLATE_STAGE_COUNT; stage++)
        for (int a = LEAST; a <= MOST; a++)
            for (int b = LEAST; b < a; b++) {
                char first[32];
                isolate_detail_name(stage, a, first, sizeof first);
                test_context("stage %s, %d and %d", isolate_stage_name(stage), a, b);
                CHECK(strcmp(first, name_of(stage, b)) != 0);
            }
}
