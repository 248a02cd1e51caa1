/* Names of outcomes, limits, levels and layers, the version, the standard limits, and failures that say 0. */
#include <limits.h>
#include <stdio.h>

#include "internal.h"
#include "test.h"

TEST(names_of_outcomes) {
    static const char *const names[] = {"exited",    "signaled",        "limitExceeded", "blockedSyscall",
                                        "cancelled", "hostOutOfMemory", "hostOutOfDisk", "failed"};
    for (int kind = 0; kind <= ISOLATE_OUTCOME_FAILED; kind++)
        CHECK_TEXT(isolate_outcome_name(kind), names[kind]);
    CHECK_TEXT(isolate_outcome_name(ISOLATE_OUTCOME_FAILED + 1), "unknown");
    CHECK_TEXT(isolate_outcome_name(-1), "unknown");
    CHECK_TEXT(isolate_outcome_name(INT_MAX), "unknown");
}

TEST(names_of_limits) {
    static const char *const names[] = {"none",      "wallTime", "cpuTime",  "memory",    "output",
                                        "processes", "disk",     "fileSize", "openFiles", "stack"};
    for (int limit = 0; limit < ISOLATE_LIMIT_COUNT; limit++)
        CHECK_TEXT(isolate_limit_name(limit), names[limit]);
    CHECK_TEXT(isolate_limit_name(ISOLATE_LIMIT_COUNT), "unknown");
    CHECK_TEXT(isolate_limit_name(INT_MIN), "unknown");
}

TEST(names_of_levels) {
    static const char *const names[] = {"unconfined", "minimal", "standard", "strong"};
    for (int level = 0; level <= ISOLATE_LEVEL_STRONG; level++)
        CHECK_TEXT(isolate_level_name(level), names[level]);
    CHECK_TEXT(isolate_level_name(ISOLATE_LEVEL_STRONG + 1), "unknown");
    CHECK_TEXT(isolate_level_name(-1), "unknown");
}

/* Each bit has a name of its own; what is no single bit, or no layer, has none. */
TEST(names_of_layers) {
    CHECK_TEXT(isolate_layer_name(ISOLATE_LAYER_USER_NS), "userNamespace");
    CHECK_TEXT(isolate_layer_name(ISOLATE_LAYER_SECCOMP), "seccomp");
    CHECK_TEXT(isolate_layer_name(ISOLATE_LAYER_OWN_INODES), "ownInodes");
    for (uint32_t one = 1; one <= ISOLATE_LAYER_OWN_INODES; one <<= 1) {
        CHECK(strcmp(isolate_layer_name(one), "unknown") != 0);
        for (uint32_t other = 1; other < one; other <<= 1)
            CHECK(strcmp(isolate_layer_name(one), isolate_layer_name(other)) != 0);
    }
    CHECK_TEXT(isolate_layer_name(ISOLATE_LAYER_OWN_INODES << 1), "unknown");
    CHECK_TEXT(isolate_layer_name(1u << 31), "unknown");
    CHECK_TEXT(isolate_layer_name(0), "unknown");
    CHECK_TEXT(isolate_layer_name(ISOLATE_LAYER_USER_NS | ISOLATE_LAYER_MOUNT_NS), "unknown");
}

TEST(names_version) {
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", ISOLATE_VERSION_MAJOR, ISOLATE_VERSION_MINOR,
             ISOLATE_VERSION_PATCH);
    CHECK_TEXT(isolate_version(), text);
}

/* A failure from another process never becomes 0, whatever number it brings. */
TEST(names_of_failures_are_never_success) {
    static const struct {
        isolate_failure failure;
        int status;
    } cases[] = {{{0, 0, 0}, 0},
                 {{ISOLATE_STAGE_EXEC, ENOENT, 0}, -ENOENT},
                 {{ISOLATE_STAGE_EXEC, 0, 0}, -EPROTO},
                 {{ISOLATE_STAGE_EXEC, -ENOENT, 0}, -EPROTO},
                 {{ISOLATE_STAGE_EXEC, INT_MIN, 0}, -EPROTO},
                 {{-1, 0, 0}, -EPROTO}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        CHECK_EQUAL(isolate_internal_status(&cases[i].failure), cases[i].status);
}
