/* Which capabilities this process has in effect beyond an ordinary user's rights, and their names. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>

#include "internal.h"

enum { WANTED_MAX = 2 };

struct want {
    int stage;
    unsigned count;
    cap_value_t capabilities[WANTED_MAX];
};

/* The capabilities that each step needs when an ordinary user's own user namespace does not grant them. */
static const struct want wants[] = {
    {ISOLATE_STAGE_CLONE_SLOT, 1, {CAP_SYS_ADMIN}},
    {ISOLATE_STAGE_ID_MAP, 2, {CAP_SETUID, CAP_SETGID}},
    {ISOLATE_STAGE_CREDENTIALS, 2, {CAP_SETUID, CAP_SETGID}},
};

static const struct want *want_of(int stage) {
    for (size_t i = 0; i < sizeof wants / sizeof wants[0]; i++)
        if (wants[i].stage == stage)
            return &wants[i];
    return NULL;
}

static int is_in_effect(cap_t own, cap_value_t capability) {
    cap_flag_value_t value = CAP_CLEAR;
    return cap_get_flag(own, capability, CAP_EFFECTIVE, &value) == 0 && value == CAP_SET;
}

int isolate_internal_has_capabilities(int stage) {
    const struct want *want = want_of(stage);
    cap_t own = cap_get_proc();
    int has_all = own != NULL;
    for (unsigned i = 0; want != NULL && has_all && i < want->count; i++)
        has_all = is_in_effect(own, want->capabilities[i]);
    cap_free(own);
    return has_all;
}

static void append(char *out, size_t bytes, const char *name) {
    size_t used = strlen(out);
    snprintf(out + used, bytes - used, "%s%s", used > 0 ? ", " : "", name);
}

int isolate_lacking_capabilities(int stage, char *out, size_t bytes) {
    const struct want *want = want_of(stage);
    out[0] = 0;
    if (want == NULL)
        return 0;
    cap_t own = cap_get_proc();
    int result = own == NULL ? -errno : 0;
    for (unsigned i = 0; result == 0 && i < want->count; i++) {
        if (is_in_effect(own, want->capabilities[i]))
            continue;
        char *name = cap_to_name(want->capabilities[i]);
        if (name != NULL)
            append(out, bytes, name);
        else
            result = -errno;
        cap_free(name);
    }
    cap_free(own);
    if (result < 0)
        out[0] = 0;
    return result;
}
