/* Levels of sets of layers, and which layer is left out after which refusal. */
#include "internal.h"
#include "test.h"

#define PRIVILEGES                                                                                           \
    (ISOLATE_LAYER_NO_NEW_PRIVS | ISOLATE_LAYER_CAPABILITIES | ISOLATE_LAYER_SECCOMP | ISOLATE_LAYER_RLIMITS)
#define NAMESPACES                                                                                           \
    (ISOLATE_LAYER_USER_NS | ISOLATE_LAYER_MOUNT_NS | ISOLATE_LAYER_PID_NS | ISOLATE_LAYER_NET_NS |          \
     ISOLATE_LAYER_IPC_NS | ISOLATE_LAYER_UTS_NS | ISOLATE_LAYER_ROOTFS)
#define CGROUPS (ISOLATE_LAYER_CGROUP_MEMORY | ISOLATE_LAYER_CGROUP_PIDS | ISOLATE_LAYER_CGROUP_CPU)
#define STANDARD (PRIVILEGES | NAMESPACES)
#define STRONG (STANDARD | CGROUPS | ISOLATE_LAYER_CGROUP_NS | ISOLATE_LAYER_MASKED_PROC)
#define MINIMAL (PRIVILEGES | ISOLATE_LAYER_LANDLOCK)
#define ALL ((uint32_t)(ISOLATE_LAYER_DISTINCT_UID << 1) - 1)

TEST(rungs_levels) {
    CHECK_EQUAL(isolate_level_of(0), ISOLATE_LEVEL_NONE);
    CHECK_EQUAL(isolate_level_of(ALL), ISOLATE_LEVEL_STRONG);
    CHECK_EQUAL(isolate_level_of(STRONG), ISOLATE_LEVEL_STRONG);
    CHECK_EQUAL(isolate_level_of(STANDARD), ISOLATE_LEVEL_STANDARD);
    CHECK_EQUAL(isolate_level_of(MINIMAL), ISOLATE_LEVEL_MINIMAL);
    CHECK_EQUAL(isolate_level_of(PRIVILEGES), ISOLATE_LEVEL_NONE);
    for (uint32_t bit = 1; bit <= ISOLATE_LAYER_DISTINCT_UID; bit <<= 1) {
        test_context("without layer %x", bit);
        /* Landlock and the uid do not affect the level. */
        int least = bit & PRIVILEGES   ? ISOLATE_LEVEL_NONE
                    : bit & NAMESPACES ? ISOLATE_LEVEL_MINIMAL
                    : bit & STRONG     ? ISOLATE_LEVEL_STANDARD
                                       : ISOLATE_LEVEL_STRONG;
        CHECK_EQUAL(isolate_level_of(ALL & ~bit), least);
        if (bit & STANDARD)
            CHECK_EQUAL(isolate_level_of(STANDARD & ~bit), ISOLATE_LEVEL_NONE);
        if (bit & MINIMAL)
            CHECK_EQUAL(isolate_level_of(MINIMAL & ~bit), ISOLATE_LEVEL_NONE);
    }
    /* Without namespaces, Landlock protects the files. */
    CHECK_EQUAL(isolate_level_of(ALL & ~(uint32_t)(NAMESPACES | ISOLATE_LAYER_LANDLOCK)), ISOLATE_LEVEL_NONE);
}

static uint32_t next(uint32_t avoid, int id_source, int needs_tree, int stage, int errno_value,
                     uint32_t *lost) {
    isolate_failure failure = {stage, errno_value, 0};
    *lost = 0xdead;
    return isolate_internal_next_rung(avoid, id_source, needs_tree, &failure, lost);
}

enum { OWN = ISOLATE_IDS_OWN, SUB = ISOLATE_IDS_SUBORDINATE, ROOT = ISOLATE_IDS_PRIVILEGED };
#define LOST_TREE (NAMESPACES | ISOLATE_LAYER_CGROUP_NS | ISOLATE_LAYER_MASKED_PROC)

TEST(rungs_after_each_refusal) {
    static const struct {
        uint32_t avoid;
        int ids, needs_tree, stage, errno_value;
        uint32_t next, lost;
    } cases[] = {
        {0, ROOT, 0, ISOLATE_STAGE_CGROUP, EIO, ISOLATE_AVOID_CGROUP, CGROUPS},
        {0, ROOT, 1, ISOLATE_STAGE_JOIN_CGROUP, EACCES, ISOLATE_AVOID_CGROUP, CGROUPS},
        {0, OWN, 0, ISOLATE_STAGE_NETWORK, EPERM, ISOLATE_AVOID_NET_NS, ISOLATE_LAYER_NET_NS},
        {ISOLATE_AVOID_CGROUP, OWN, 1, ISOLATE_STAGE_MOUNT_PROC, EPERM,
         ISOLATE_AVOID_CGROUP | ISOLATE_AVOID_PROC, ISOLATE_LAYER_MASKED_PROC},
        {0, OWN, 0, ISOLATE_STAGE_CLONE_SLOT, ENOSPC, ISOLATE_AVOID_NET_NS, ISOLATE_LAYER_NET_NS},
        /* A shortage is not a refusal. */
        {0, ROOT, 0, ISOLATE_STAGE_CGROUP, EMFILE, 0, 0},
        {0, OWN, 0, ISOLATE_STAGE_NETWORK, ENFILE, 0, 0},
        {0, OWN, 0, ISOLATE_STAGE_MOUNT_PROC, ENOMEM, 0, 0},
        {0, SUB, 0, ISOLATE_STAGE_ID_MAP, EMFILE, 0, 0},
        {ISOLATE_AVOID_NET_NS, OWN, 0, ISOLATE_STAGE_CLONE_SLOT, EPERM, ISOLATE_AVOID_NAMESPACES, LOST_TREE},
        {ISOLATE_AVOID_NET_NS, OWN, 1, ISOLATE_STAGE_CLONE_SLOT, EPERM, ISOLATE_AVOID_NET_NS, 0},
        {0, SUB, 1, ISOLATE_STAGE_ID_MAP, EPERM, ISOLATE_AVOID_SUBORDINATE_IDS, ISOLATE_LAYER_DISTINCT_UID},
        {ISOLATE_AVOID_SUBORDINATE_IDS, OWN, 0, ISOLATE_STAGE_ID_MAP, EPERM,
         ISOLATE_AVOID_SUBORDINATE_IDS | ISOLATE_AVOID_NAMESPACES, LOST_TREE},
        {0, OWN, 1, ISOLATE_STAGE_ID_MAP, EPERM, 0, 0},
        {ISOLATE_AVOID_CGROUP | ISOLATE_AVOID_PROC | ISOLATE_AVOID_NET_NS, OWN, 0, ISOLATE_STAGE_MOUNT_ROOT,
         EPERM, ISOLATE_AVOID_CGROUP | ISOLATE_AVOID_NAMESPACES, LOST_TREE},
        {0, OWN, 0, ISOLATE_STAGE_CLONE_INIT, EACCES, ISOLATE_AVOID_NAMESPACES, LOST_TREE},
        {0, OWN, 0, ISOLATE_STAGE_BIND, ENOENT, 0, 0},
        {0, OWN, 0, ISOLATE_STAGE_PIVOT, ENOMEM, 0, 0},
        /* Nothing is left to leave out: the same set, and no layer lost. */
        {ISOLATE_AVOID_CGROUP, ROOT, 0, ISOLATE_STAGE_CGROUP, EIO, ISOLATE_AVOID_CGROUP, 0},
        {ISOLATE_AVOID_NAMESPACES, OWN, 0, ISOLATE_STAGE_CLONE_SLOT, EPERM, ISOLATE_AVOID_NAMESPACES, 0},
        {ISOLATE_AVOID_PROC, OWN, 0, ISOLATE_STAGE_MOUNT_PROC, ENOSYS, ISOLATE_AVOID_PROC, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t lost;
        test_context("case %zu: stage %s", i, isolate_stage_name(cases[i].stage));
        CHECK_EQUAL(next(cases[i].avoid, cases[i].ids, cases[i].needs_tree, cases[i].stage,
                         cases[i].errno_value, &lost),
                    cases[i].next);
        CHECK_EQUAL(lost, cases[i].lost);
    }
}

/* A temporary shortage does not make a host one that lacks the feature. */
TEST(rungs_only_for_refusals) {
    static const int passing[] = {EAGAIN, ENOMEM, EIO, EMFILE, ENFILE, EINTR, EBUSY};
    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++) {
        uint32_t lost;
        test_context("errno %d", passing[i]);
        CHECK_EQUAL(next(0, OWN, 0, ISOLATE_STAGE_CLONE_SLOT, passing[i], &lost), 0);
        CHECK_EQUAL(lost, 0);
    }
    static const int never[] = {ISOLATE_STAGE_NONE,    ISOLATE_STAGE_START,   ISOLATE_STAGE_CONFIG,
                                ISOLATE_STAGE_SECCOMP, ISOLATE_STAGE_OVERLAY, ISOLATE_STAGE_DIRECTORIES,
                                ISOLATE_STAGE_SCRATCH, ISOLATE_STAGE_EXEC,    ISOLATE_STAGE_PROTOCOL};
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        uint32_t lost;
        test_context("stage %s", isolate_stage_name(never[i]));
        CHECK_EQUAL(next(0, OWN, 0, never[i], EPERM, &lost), 0);
        CHECK_EQUAL(lost, 0);
    }
}

/* Whatever a host refuses, in whatever order: the attempts end, and never take back what was left out, except
 * for parts of a feature that is left out as a whole. */
TEST(rungs_end) {
    for (uint32_t first = 0; first < 32; first++)
        for (int ids = OWN; ids <= SUB; ids++)
            for (int needs_tree = 0; needs_tree < 2; needs_tree++)
                for (int stage = 0; stage < ISOLATE_STAGE_COUNT; stage++) {
                    uint32_t avoid = first, lost;
                    unsigned steps = 0;
                    for (;; steps++) {
                        /* The worst host: it refuses this stage for ever, then another. */
                        int now = steps % 2 == 0 ? stage : (stage * 7 + (int)steps) % ISOLATE_STAGE_COUNT;
                        uint32_t after = next(avoid, ids, needs_tree, now, EPERM, &lost);
                        if (after == avoid)
                            break;
                        CHECK(lost != 0);
                        CHECK_EQUAL(lost & PRIVILEGES, 0);
                        CHECK(!(needs_tree && (after & ~first & ISOLATE_AVOID_NAMESPACES)));
                        CHECK((after & avoid) == avoid || (after & ISOLATE_AVOID_NAMESPACES));
                        avoid = after;
                        CHECK(steps < ISOLATE_MISSING_MAX);
                    }
                }
}
