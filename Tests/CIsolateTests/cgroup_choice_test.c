/* Which cgroups a supervisor takes on which host: parsing of the kernel's texts, and the decision, for
 * invented hosts. */
#include <stdio.h>
#include <unistd.h>

#include "cgroup_facts.h"
#include "leaks.h"
#include "support.h"
#include "test.h"

static const char v1_mounts[] =
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
    "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw,nosuid shared:9 master:1 - cgroup cgroup rw,memory\n"
    "39 31 0:36 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
static const char v1_own[] = "9:name=systemd:/\n8:pids:/user.slice\n4:memory:/a/b\n2:cpu,cpuacct:/\n0::/x\n";
static const char v2_mount[] = "24 1 0:22 / /sys/fs/cgroup ro shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

TEST(cgroup_directories) {
    static const struct {
        const char *name, *mounts, *own, *controller;
        int result;
        const char *path;
    } cases[] = {
        {"v1 memory", v1_mounts, v1_own, "memory", 0, "/sys/fs/cgroup/memory/a/b"},
        {"v1 pids", v1_mounts, v1_own, "pids", 0, "/sys/fs/cgroup/pids/user.slice"},
        {"v1, two in one mount", v1_mounts, v1_own, "cpuacct", 0, "/sys/fs/cgroup/cpu,cpuacct"},
        {"v1, no such controller", v1_mounts, v1_own, "blkio", -ENOENT, NULL},
        {"v1, half a name", v1_mounts, v1_own, "mem", -ENOENT, NULL},
        {"v2 beside v1", v1_mounts, v1_own, NULL, 0, "/sys/fs/cgroup/unified/x"},
        {"v2 root", v2_mount, "0::/\n", NULL, 0, "/sys/fs/cgroup"},
        {"v2 scope", v2_mount, "0::/user.slice/a.scope\n", NULL, 0, "/sys/fs/cgroup/user.slice/a.scope"},
        {"v2 not mounted", "1 1 0:2 / /proc rw - proc proc rw\n", "0::/\n", NULL, -ENOENT, NULL},
        {"no line for v2", v2_mount, "4:memory:/a\n", NULL, -EXDEV, NULL},
        {"a colon in the name", v2_mount, "0::/a:b\n", NULL, 0, "/sys/fs/cgroup/a:b"},
        {"no end of line", v2_mount, "0::/a", NULL, 0, "/sys/fs/cgroup/a"},
        /* A container without a cgroup namespace: only its own part is mounted. */
        {"bound root", "5 1 0:2 /docker/ab /sys/fs/cgroup rw - cgroup2 c rw\n", "0::/docker/ab\n", NULL, 0,
         "/sys/fs/cgroup"},
        {"below a bound root", "5 1 0:2 /docker/ab /sys/fs/cgroup rw - cgroup2 c rw\n", "0::/docker/ab/c\n",
         NULL, 0, "/sys/fs/cgroup/c"},
        {"beside a bound root", "5 1 0:2 /docker/ab /sys/fs/cgroup rw - cgroup2 c rw\n", "0::/docker/abc\n",
         NULL, -EXDEV, NULL},
        /* In a cgroup namespace the kernel shows a path outside of it as "..". */
        {"namespace, outer mount", "5 1 0:2 /.. /m rw - cgroup2 c rw\n", "0::/\n", NULL, -EXDEV, NULL},
        {"namespace, left", "5 1 0:2 / /m rw - cgroup2 c rw\n", "0::/../x\n", NULL, -EXDEV, NULL},
        {"namespace, in the outer", "5 1 0:2 /.. /m rw - cgroup2 c rw\n", "0::/..\n", NULL, 0, "/m"},
        {"a second mount", "5 1 0:2 /q /n rw - cgroup2 c rw\n6 1 0:2 / /m rw - cgroup2 c rw\n", "0::/a\n",
         NULL, 0, "/m/a"},
        {"blanks", "5 1 0:2 /a\\040b /m\\134n rw - cgroup2 c rw\n", "0::/a b/c\n", NULL, 0, "/m\\n/c"},
        {"cut off", "5 1 0:2", "0::/\n", NULL, -ENOENT, NULL},
        {"nothing", "", "", NULL, -ENOENT, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[128];
        test_context("%s", cases[i].name);
        CHECK_EQUAL(isolate_internal_cgroup_directory(cases[i].mounts, cases[i].own, cases[i].controller,
                                                      path, sizeof path, NULL, 0),
                    cases[i].result);
        if (cases[i].result == 0)
            CHECK_TEXT(path, cases[i].path);
    }
    char tiny[8];
    CHECK_EQUAL(isolate_internal_cgroup_directory(v2_mount, "0::/\n", NULL, tiny, sizeof tiny, NULL, 0),
                -ENAMETOOLONG);
}

TEST(cgroup_words) {
    CHECK(isolate_internal_cgroup_has_word("cpuset cpu io memory pids\n", "memory"));
    CHECK(isolate_internal_cgroup_has_word("cpuset cpu io memory pids\n", "pids"));
    CHECK(isolate_internal_cgroup_has_word("rw,cpu,cpuacct", "cpuacct"));
    CHECK(!isolate_internal_cgroup_has_word("rw,cpu,cpuacct", "acct"));
    CHECK(!isolate_internal_cgroup_has_word("cpuset io", "cpu"));
    CHECK(!isolate_internal_cgroup_has_word("", "cpu"));
}

/* Bits of an invented directory. */
enum {
    WRITABLE = 1,
    MEMORY = 2,
    PIDS = 4,
    GIVES = 8,
    SELF = 16,
    OTHERS = 32,
    ROOT = 64,
    THREADED = 128,
    LEAF = 256, /* has the name of the child for embedders */
    BOTH = MEMORY | PIDS
};

static const struct {
    const char *name;
    int v1[ISOLATE_CGROUP_COUNT]; /* 0 not mounted, 1 mounted, 2 writable, 3 not below the mount */
    int v2;                       /* 0 not mounted, 1 mounted, with the levels below, this process's first */
    int levels[4];                /* ends with 0 */
    uint32_t avoid;
    int may_adopt;
    struct { /* expected */
        int kind;
        int level; /* of v2 */
        int adopt;
        const char *reason;
    } is;
} hosts[] = {
    {"v1", {2, 2, 2}, 0, {0}, 0, 0, {ISOLATE_CGROUP_V1, 0, 0, ""}},
    {"hybrid: v1 beside an empty v2",
     {2, 2, 2},
     1,
     {WRITABLE | ROOT | SELF | OTHERS},
     0,
     0,
     {ISOLATE_CGROUP_V1, 0, 0, ""}},
    {"v1, ordinary user",
     {1, 1, 1},
     1,
     {ROOT | SELF | OTHERS},
     0,
     0,
     {ISOLATE_CGROUP_NONE, 0, 0, "cgroup v1 is mounted, but /v1/0 is not writable by this user"}},
    {"v1 without memory",
     {0, 2, 2},
     0,
     {0},
     0,
     0,
     {ISOLATE_CGROUP_NONE, 0, 0, "cgroup v1 is mounted, but not its controller memory"}},
    {"v1, out of sight",
     {3, 3, 3},
     0,
     {0},
     0,
     0,
     {ISOLATE_CGROUP_NONE, 0, 0, "this process's cgroup v1 of memory is not below its mount"}},
    {"v1 for others, v2 with ours",
     {0, 0, 2},
     1,
     {WRITABLE | ROOT | SELF | OTHERS | BOTH},
     0,
     0,
     {ISOLATE_CGROUP_V2, 0, 0, ""}},
    {"nothing", {0}, 0, {0}, 0, 0, {ISOLATE_CGROUP_NONE, 0, 0, "no cgroup hierarchy is mounted"}},
    {"not wanted",
     {2, 2, 2},
     1,
     {WRITABLE | ROOT | BOTH},
     ISOLATE_AVOID_CGROUP,
     1,
     {ISOLATE_CGROUP_NONE, 0, 0, "cgroups were not to be used"}},
    {"v2, root in the root",
     {0},
     1,
     {WRITABLE | ROOT | SELF | OTHERS | BOTH},
     0,
     0,
     {ISOLATE_CGROUP_V2, 0, 0, ""}},
    {"v2, out of sight",
     {0},
     1,
     {0},
     0,
     0,
     {ISOLATE_CGROUP_NONE, 0, 0, "this process's cgroup v2 is not below the mount"}},
    {"v2, root in a session: the slice gives both",
     {0},
     1,
     {WRITABLE | BOTH | SELF | OTHERS, WRITABLE | BOTH | GIVES, WRITABLE | ROOT | BOTH | GIVES},
     0,
     0,
     {ISOLATE_CGROUP_V2, 1, 0, ""}},
    {"v2, the slice can be made to give them",
     {0},
     1,
     {WRITABLE | BOTH | SELF, WRITABLE | BOTH, WRITABLE | ROOT | BOTH | GIVES},
     0,
     0,
     {ISOLATE_CGROUP_V2, 1, 0, ""}},
    {"v2, the slice has none, the root has",
     {0},
     1,
     {WRITABLE | SELF, WRITABLE, WRITABLE | ROOT | BOTH},
     0,
     0,
     {ISOLATE_CGROUP_V2, 2, 0, ""}},
    {"v2, a user's scope in the user's slice",
     {0},
     1,
     {WRITABLE | BOTH | SELF, WRITABLE | BOTH | GIVES, 0, ROOT | BOTH | GIVES},
     0,
     0,
     {ISOLATE_CGROUP_V2, 1, 0, ""}},
    {"v2, a user's login session",
     {0},
     1,
     {BOTH | SELF, BOTH | GIVES, ROOT | BOTH | GIVES},
     0,
     1,
     {ISOLATE_CGROUP_NONE, 0, 0, "cgroup v2 is mounted, but /v2/0 is not writable by this user"}},
    {"v2, delegated, alone, may be moved",
     {0},
     1,
     {WRITABLE | BOTH | SELF, BOTH | GIVES},
     0,
     1,
     {ISOLATE_CGROUP_V2, 0, 1, ""}},
    {"v2, delegated, alone, may not be moved",
     {0},
     1,
     {WRITABLE | BOTH | SELF, BOTH | GIVES},
     0,
     0,
     {ISOLATE_CGROUP_NONE, 0, 0,
      "cgroup v2 is mounted, but /v2/0 has this process in it, which was not to be moved"}},
    {"v2, delegated, with others",
     {0},
     1,
     {WRITABLE | BOTH | SELF | OTHERS, BOTH | GIVES},
     0,
     1,
     {ISOLATE_CGROUP_NONE, 0, 0, "cgroup v2 is mounted, but /v2/0 has other processes in it (EBUSY)"}},
    {"v2, moved before: in the leaf below",
     {0},
     1,
     {WRITABLE | BOTH | SELF | LEAF, WRITABLE | BOTH | GIVES, BOTH | GIVES},
     0,
     1,
     {ISOLATE_CGROUP_V2, 1, 0, ""}},
    {"v2, a container's root, read-only",
     {0},
     1,
     {BOTH | SELF | OTHERS},
     0,
     0,
     {ISOLATE_CGROUP_NONE, 0, 0, "cgroup v2 is mounted, but /v2/0 is not writable by this user"}},
    {"v2 without pids",
     {0},
     1,
     {WRITABLE | MEMORY | ROOT},
     0,
     0,
     {ISOLATE_CGROUP_NONE, 0, 0, "cgroup v2 is mounted, but /v2/0 is not given the controller pids"}},
    {"v2 without memory",
     {0},
     1,
     {WRITABLE | PIDS | ROOT},
     0,
     0,
     {ISOLATE_CGROUP_NONE, 0, 0, "cgroup v2 is mounted, but /v2/0 is not given the controller memory"}},
    {"v2, threaded",
     {0},
     1,
     {WRITABLE | BOTH | THREADED, WRITABLE | BOTH | THREADED},
     0,
     1,
     {ISOLATE_CGROUP_NONE, 0, 0, "cgroup v2 is mounted, but /v2/0 is a threaded one"}},
};

static void make_up(size_t host, struct cgroup_facts *facts) {
    memset(facts, 0, sizeof *facts);
    for (int h = 0; h < ISOLATE_CGROUP_COUNT; h++) {
        int state = hosts[host].v1[h];
        facts->v1[h].is_mounted = state > 0;
        facts->v1[h].is_writable = state == 2;
        if (state == 1 || state == 2)
            snprintf(facts->v1[h].path, sizeof facts->v1[h].path, "/v1/%d", h);
    }
    facts->v2_is_mounted = hosts[host].v2;
    for (int i = 0; i < 4; i++) {
        int bits = hosts[host].levels[i];
        struct cgroup_level *level = &facts->levels[i];
        if (bits == 0 && (i == 3 || hosts[host].levels[i + 1] == 0))
            break; /* a level without facts may be between */
        facts->level_count++;
        snprintf(level->path, sizeof level->path, "/v2/%d%s", i, bits & LEAF ? "/embedder" : "");
        level->is_root = (bits & ROOT) != 0;
        level->is_threaded = (bits & THREADED) != 0;
        level->is_writable = (bits & WRITABLE) != 0;
        level->has_memory = (bits & MEMORY) != 0;
        level->has_pids = (bits & PIDS) != 0;
        level->gives_memory = level->gives_pids = (bits & GIVES) != 0;
        level->has_self = (bits & SELF) != 0;
        level->others = (bits & OTHERS) != 0 ? 3 : 0;
    }
}

TEST(cgroup_decisions) {
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        static struct cgroup_facts facts;
        isolate_cgroup_choice choice;
        char path[32];
        test_context("%s", hosts[i].name);
        make_up(i, &facts);
        isolate_internal_cgroup_decide(&facts, hosts[i].avoid, hosts[i].may_adopt, &choice);
        CHECK_EQUAL(choice.kind, hosts[i].is.kind);
        CHECK_TEXT(choice.reason, hosts[i].is.reason);
        CHECK_EQUAL(choice.adopt, hosts[i].is.adopt);
        /* Where v1 has the memory controller, a scope of v2 would have no memory limit. */
        CHECK_EQUAL(choice.ask_systemd, hosts[i].is.kind == ISOLATE_CGROUP_NONE && hosts[i].v2 &&
                                            hosts[i].v1[ISOLATE_CGROUP_MEMORY] == 0 && hosts[i].avoid == 0);
        for (int h = 0; h < ISOLATE_CGROUP_COUNT; h++) {
            path[0] = 0;
            if (choice.kind == ISOLATE_CGROUP_V1)
                snprintf(path, sizeof path, "/v1/%d", h);
            else if (choice.kind == ISOLATE_CGROUP_V2 && h == 0)
                snprintf(path, sizeof path, "/v2/%d", hosts[i].is.level);
            CHECK_TEXT(choice.parent[h], path);
        }
        if (choice.kind == ISOLATE_CGROUP_V2)
            CHECK_TEXT(choice.home, choice.adopt || hosts[i].levels[0] & LEAF ? "/v2/0/embedder" : "/v2/0");
    }
}

/* On any host, the facts that are read are consistent. */
TEST(cgroup_of_this_host) {
    static struct cgroup_facts facts;
    isolate_cgroup_choice choice, again;
    isolate_internal_cgroup_read_facts(&facts);
    isolate_internal_cgroup_decide(&facts, 0, 0, &choice);
    isolate_cgroup_choose(0, 0, &again);
    CHECK_EQUAL(choice.kind, again.kind);
    CHECK_EQUAL(choice.kind == ISOLATE_CGROUP_NONE, choice.reason[0] != 0);
    for (unsigned i = 1; i < facts.level_count; i++)
        CHECK_EQUAL(strncmp(facts.levels[i - 1].path, facts.levels[i].path, strlen(facts.levels[i].path)), 0);
    for (unsigned i = 0; i + 1 < facts.level_count; i++)
        CHECK(!facts.levels[i].is_root);
    if (facts.level_count > 0)
        CHECK_EQUAL(facts.levels[0].has_self, 1);
    test_note("kind %d, parent %s, %s", choice.kind, choice.parent[0], choice.reason);
}

/* A supervisor really gets the chosen cgroup; systemd's scope, or the reason why there is none. */
TEST(cgroup_start_on_this_host) {
    isolate_cgroup_choice choice;
    isolate_supervisor supervisor;
    struct owner owner = owner_of(getpid());
    isolate_cgroup_choose(0, 0, &choice);
    start_supervisor(&supervisor);
    test_note("kind %d, systemd %s: %s", supervisor.cgroup, choice.ask_systemd ? "asked" : "not asked",
              supervisor.cgroup_reason);
    if (!choice.ask_systemd)
        CHECK_EQUAL(supervisor.cgroup, choice.kind);
    CHECK_EQUAL(supervisor.cgroup == ISOLATE_CGROUP_NONE, supervisor.cgroup_reason[0] != 0);
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
    expect_nothing_left(&owner, 2000);
}
