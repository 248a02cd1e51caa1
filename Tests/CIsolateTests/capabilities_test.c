/* Capabilities in effect, and the names of those that are lacking. Each test is a process of its own, so
 * dropping capabilities does not affect other tests. */
#include <stdio.h>
#include <sys/capability.h>

#include "internal.h"
#include "test.h"

static void give_up(cap_value_t capability) {
    cap_t own = cap_get_proc();
    CHECK(own != NULL);
    CHECK_OK(cap_set_flag(own, CAP_EFFECTIVE, 1, &capability, CAP_CLEAR));
    CHECK_OK(cap_set_proc(own));
    cap_free(own);
}

static int has(cap_value_t capability) {
    cap_flag_value_t value = CAP_CLEAR;
    cap_t own = cap_get_proc();
    CHECK(own != NULL);
    CHECK_OK(cap_get_flag(own, capability, CAP_EFFECTIVE, &value));
    cap_free(own);
    return value == CAP_SET;
}

static const char *lacking(int stage) {
    static char text[64];
    CHECK_EQUAL(isolate_lacking_capabilities(stage, text, sizeof text), 0);
    return text;
}

TEST(capabilities_that_lack_are_named) {
    if (has(CAP_SETUID) && has(CAP_SETGID)) { /* as root */
        CHECK_TEXT(lacking(ISOLATE_STAGE_ID_MAP), "");
        give_up(CAP_SETGID);
        CHECK_TEXT(lacking(ISOLATE_STAGE_ID_MAP), "cap_setgid");
    }
    give_up(CAP_SETGID);
    give_up(CAP_SETUID);
    give_up(CAP_SYS_ADMIN);
    CHECK_TEXT(lacking(ISOLATE_STAGE_ID_MAP), "cap_setuid, cap_setgid");
    CHECK_TEXT(lacking(ISOLATE_STAGE_CREDENTIALS), "cap_setuid, cap_setgid");
    CHECK_TEXT(lacking(ISOLATE_STAGE_CLONE_SLOT), "cap_sys_admin");
    CHECK_TEXT(lacking(ISOLATE_STAGE_EXEC), "");
}

TEST(capabilities_names_are_cut_to_their_room) {
    char text[16];
    give_up(CAP_SETGID);
    give_up(CAP_SETUID);
    isolate_lacking_capabilities(ISOLATE_STAGE_ID_MAP, text, sizeof text);
    CHECK_TEXT(text, "cap_setuid, cap");
}

/* With only one of the two, a program cannot get another user's id. */
TEST(capabilities_decide_whose_ids_programs_have) {
    struct isolate_config config = {0};
    if (!isolate_internal_has_capabilities(ISOLATE_STAGE_ID_MAP)) {
        test_note("skipped: this user may not set ids");
        return;
    }
    CHECK_OK(isolate_internal_choose_ids(0, 1, &config));
    CHECK_EQUAL(config.id_source, ISOLATE_IDS_PRIVILEGED);
    give_up(CAP_SETUID);
    CHECK(!isolate_internal_has_capabilities(ISOLATE_STAGE_ID_MAP));
    CHECK_OK(isolate_internal_choose_ids(0, 1, &config));
    CHECK_EQUAL(config.id_source, ISOLATE_IDS_OWN);
}
