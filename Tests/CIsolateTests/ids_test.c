/* Which ids a supervisor gives its slots, decided with invented maps and files. */
#include "internal.h"
#include "test.h"

/* Root of a machine. */
static struct isolate_internal_id_facts root_facts(void) {
    return (struct isolate_internal_id_facts){.may_set_ids = 1,
                                              .uid_map = "         0          0 4294967295\n",
                                              .gid_map = "         0          0 4294967295\n",
                                              .subuid = "",
                                              .subgid = "",
                                              .name = "root"};
}

static struct isolate_internal_id_facts user_facts(const char *ranges) {
    return (struct isolate_internal_id_facts){.has_helpers = 1,
                                              .uid_map = "0 0 4294967295\n",
                                              .gid_map = "0 0 4294967295\n",
                                              .subuid = ranges,
                                              .subgid = ranges,
                                              .name = "ada",
                                              .uid = 1500};
}

static struct isolate_config pick(const struct isolate_internal_id_facts *facts, uint32_t avoid,
                                  int is_writable) {
    struct isolate_config config = {.uid_base = 7, .gid_base = 7, .id_span = 7};
    isolate_internal_pick_ids(facts, avoid, is_writable, &config);
    CHECK_EQUAL(config.id_count, INTERNAL_IDS_PER_SUPERVISOR);
    /* identity.c relies on this: any supervisor's ids are within the span, and none overflows. */
    if (config.id_source != ISOLATE_IDS_OWN) {
        CHECK(config.id_span >= config.id_count);
        CHECK_EQUAL(config.id_span % config.id_count, 0);
        CHECK(config.uid_base > 0 && config.uid_base + (uint64_t)config.id_span <= UINT32_MAX);
        CHECK(config.gid_base > 0 && config.gid_base + (uint64_t)config.id_span <= UINT32_MAX);
    }
    return config;
}

static void expect_own(const struct isolate_internal_id_facts *facts, uint32_t avoid, int is_writable) {
    struct isolate_config config = pick(facts, avoid, is_writable);
    CHECK_EQUAL(config.id_source, ISOLATE_IDS_OWN);
    CHECK_EQUAL(config.uid_base, 0);
    CHECK_EQUAL(config.gid_base, 0);
    CHECK_EQUAL(config.id_span, 0);
}

static void expect(const struct isolate_internal_id_facts *facts, int source, uint32_t uid_base,
                   uint32_t gid_base, uint32_t span) {
    struct isolate_config config = pick(facts, 0, 0);
    CHECK_EQUAL(config.id_source, source);
    CHECK_EQUAL(config.uid_base, uid_base);
    CHECK_EQUAL(config.gid_base, gid_base);
    CHECK_EQUAL(config.id_span, span);
}

TEST(ids_of_root) {
    struct isolate_internal_id_facts facts = root_facts();
    expect(&facts, ISOLATE_IDS_PRIVILEGED, 0x70000000, 0x70000000, 0x0fffffc0);
    /* The avoided bit must have no effect on the ids. */
    struct isolate_config config =
        pick(&facts, ISOLATE_AVOID_SUBORDINATE_IDS | ISOLATE_AVOID_NAMESPACES | ISOLATE_AVOID_CGROUP, 1);
    CHECK_EQUAL(config.id_source, ISOLATE_IDS_PRIVILEGED);
    CHECK_EQUAL(config.uid_base, 0x70000000);
}

/* Root inside a user namespace, as in containers. */
TEST(ids_of_root_with_few_ids) {
    static const struct {
        const char *map;
        uint32_t base, span;
    } cases[] = {
        {"0 100000 65536\n", 32768, 32768},
        {"0 1000 1\n1 100000 65536\n", 1 + 32768, 32768},
        {"0 100000 200\n", 200 - 64, 64},
        {"0 100000 65536\n65536 500000 1000000\n", 65536 + 500032, 499968},
        {"0 0 2147483647\n", 0x70000000, 0x0fffffc0},
        {"5 5 4294967290\n", 0x70000000, 0x0fffffc0},
        {"2000000000 1 100000\n", 2000050016, 49984},
        {"0 0 1879048192\n", 939524096, 939524096}, /* up to where the library's ids begin, and no further */
        /* only a part of the library's ids */
        {"0 0 1879048200\n", 1879048200 - 939524096 /* half, in 64s */, 939524096},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct isolate_internal_id_facts facts = root_facts();
        test_context("%s", cases[i].map);
        facts.uid_map = facts.gid_map = cases[i].map;
        expect(&facts, ISOLATE_IDS_PRIVILEGED, cases[i].base, cases[i].base, cases[i].span);
    }
    struct isolate_internal_id_facts facts = root_facts();
    facts.gid_map = "0 100000 65536\n";
    expect(&facts, ISOLATE_IDS_PRIVILEGED, 0x70000000, 32768, 32768);
}

TEST(ids_of_root_without_enough_ids) {
    static const char *const maps[] = {"", "\n", "0 1000 1\n", "0 100000 127\n", "nonsense", "0 0", "0 1 -"};
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++)
        for (int which = 0; which < 2; which++) {
            struct isolate_internal_id_facts facts = root_facts();
            test_context("map %zu, %d", i, which);
            *(which == 0 ? &facts.uid_map : &facts.gid_map) = maps[i];
            expect_own(&facts, 0, 0);
        }
    struct isolate_internal_id_facts facts = root_facts();
    facts.may_set_ids = 0;
    expect_own(&facts, 0, 0);
}

TEST(ids_of_a_user_with_a_range) {
    static const struct {
        const char *ranges;
        uint32_t base, span;
    } cases[] = {
        {"ada:100000:65536\n", 100000, 65536},
        {"ada:100000:65536", 100000, 65536},
        {"1500:200000:65536\n", 200000, 65536},
        {"adam:1:65536\nad:2:65536\nxada:3:65536\nada:300000:64\n", 300000, 64},
        {"ada:100000:63\nada:400000:130\n", 400000, 128},
        {"\n# comment\nbob:100000:65536\n:::\nada\nada:\nada:x:y\nada:500000:100\n", 500000, 64},
        {"15001:1:65536\n150:2:65536\n1500:600000:64\n", 600000, 64},
        /* beyond the last id, and ranges that would overflow to root */
        {"ada:4294967295:65536\nada:4294900000:70000\nada:-5:65536\nada:99999999999:64\nada:700000:64\n",
         700000, 64},
        {"ada:4294960000:7295", 4294960000, 7232},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct isolate_internal_id_facts facts = user_facts(cases[i].ranges);
        test_context("%s", cases[i].ranges);
        expect(&facts, ISOLATE_IDS_SUBORDINATE, cases[i].base, cases[i].base, cases[i].span);
    }
    struct isolate_internal_id_facts facts = user_facts("ada:100000:65536\n");
    facts.subgid = "ada:900000:100\n";
    expect(&facts, ISOLATE_IDS_SUBORDINATE, 100000, 900000, 64);
    facts.name = NULL; /* no entry in /etc/passwd: by number only */
    expect_own(&facts, 0, 0);
    facts.subuid = facts.subgid = "1500:100000:65536\n";
    expect(&facts, ISOLATE_IDS_SUBORDINATE, 100000, 100000, 65536);
}

TEST(ids_of_a_user_without_a_range) {
    struct isolate_internal_id_facts facts = user_facts("ada:100000:65536\n");
    CHECK_EQUAL(pick(&facts, 0, 0).id_source, ISOLATE_IDS_SUBORDINATE);
    expect_own(&facts, ISOLATE_AVOID_SUBORDINATE_IDS, 0);
    expect_own(&facts, ISOLATE_AVOID_NAMESPACES, 0);
    expect_own(&facts, 0, 1); /* the files of a writable root belong to the user, not to the range */
    facts.has_helpers = 0;
    expect_own(&facts, 0, 0);
    facts = user_facts("ada:100000:65536\n");
    facts.subuid = "";
    expect_own(&facts, 0, 0);
    facts = user_facts("ada:100000:65536\n");
    facts.subgid = "bob:100000:65536\n";
    expect_own(&facts, 0, 0);
    facts = user_facts("ada:100000:63\n");
    expect_own(&facts, 0, 0);
}
