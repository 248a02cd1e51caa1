/* Which user id a container's program gets, with invented maps of its user namespace. */
#include "agent/agent_ids.h"
#include "test.h"

static const char *const all = "         0          0 4294967295\n";
static const char *const remapped = "         0     100000      65536\n";

static void expect_within(const char *users, const char *groups, uint32_t first, uint32_t last) {
    for (uint32_t seed = 1; seed < 200000; seed++) {
        uint32_t id = agent_choose_id(users, groups, seed * 2654435761u);
        CHECK(id >= first && id <= last);
        CHECK(id != 65534 && id != 65535);
    }
}

TEST(agent_ids_are_nobodys_where_there_are_all) {
    expect_within(all, all, 0x71000000, 0x7EFFFFFF);
}

TEST(agent_ids_are_of_the_upper_half_where_an_engine_remaps_users) {
    expect_within(remapped, remapped, 32768, 65533);
    /* Rootless: the user's own id, and a subordinate range. */
    expect_within("0 1000 1\n1 100000 65536\n", "0 1000 1\n1 200000 65536\n", 32769, 65536);
}

TEST(agent_ids_are_groups_too) {
    CHECK_EQUAL(agent_choose_id(remapped, "0 100000 1000\n", 7), 0);
    expect_within("0 100000 65536\n100000 300000 1000\n", "0 0 1\n100000 400000 1000\n", 100500, 100999);
}

TEST(agent_ids_are_none_where_there_are_none) {
    CHECK_EQUAL(agent_choose_id("", "", 7), 0);
    CHECK_EQUAL(agent_choose_id("0 1000 1\n", "0 1000 1\n", 7), 0);
    CHECK_EQUAL(agent_choose_id("65534 1000 1\n", "65534 1000 1\n", 7), 0);
    CHECK_EQUAL(agent_choose_id("nonsense", all, 7), 0);
}

TEST(agent_map_covers_what_one_line_covers) {
    CHECK(agent_covers_ids(all, 0, 4294967295));
    CHECK(!agent_covers_ids(remapped, 0, 65537));
    CHECK(!agent_covers_ids("0 0 5\n5 5 5\n", 0, 10));
}
