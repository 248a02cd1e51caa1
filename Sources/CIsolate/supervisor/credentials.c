/* User and group ids and capability sets of the processes. */
#include "credentials.h"

#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/securebits.h>

#include "slot_state.h"
#include "sys.h"

/* An ordinary user's maps forbid setgroups (user_namespaces(7)): the user's groups stay, as unmapped ids
 * inside. */
static long drop_groups(const struct isolate_config *config) {
    return config->id_source == ISOLATE_IDS_OWN ? 0 : SYS_CALL_2(__NR_setgroups, 0, 0);
}

int credentials_become_slot_root(const struct slot *slot) {
    const struct isolate_config *config = slot->config;
    if (!has_feature(slot, ISOLATE_FEATURE_NAMESPACES))
        return 0; /* without a user namespace there is no other root */
    long result = drop_groups(config);
    if (result == 0)
        result = SYS_CALL_3(__NR_setresgid, config->slot_uid, config->slot_uid, config->slot_uid);
    if (result == 0)
        result = SYS_CALL_3(__NR_setresuid, config->slot_uid, config->slot_uid, config->slot_uid);
    return (int)result;
}

/* Puts all permitted capabilities into effect, or none of them. */
static void use_capabilities(int all) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
    SYS_CALL_2(__NR_capget, &header, data);
    for (int i = 0; i < 2; i++)
        data[i].effective = all ? data[i].permitted : 0;
    SYS_CALL_2(__NR_capset, &header, data);
}

void credentials_make_files_as_program(const struct slot *slot) {
    SYS_CALL_1(__NR_setfsgid, slot->gid);
    SYS_CALL_1(__NR_setfsuid, slot->uid);
}

void credentials_act_as_program(const struct slot *slot) {
    credentials_make_files_as_program(slot);
    /* In a writable root the program is uid 0, so changing the ids alone would keep the capabilities. */
    use_capabilities(0);
}

/* At level minimal the slot may lack the capability to inspect another user's process. */
static int must_look_as_program(const struct slot *slot) {
    return !has_feature(slot, ISOLATE_FEATURE_NAMESPACES) && has_own_user(slot);
}

void credentials_begin_look(const struct slot *slot) {
    if (must_look_as_program(slot))
        credentials_make_files_as_program(slot);
}

void credentials_end_look(const struct slot *slot) {
    if (must_look_as_program(slot))
        credentials_act_as_slot(slot);
}

void credentials_hide(const struct isolate_config *config) {
    /* The files in /proc of a process that is not dumpable belong to uid 0, which is the program in a
     * container with a writable root. There the slot is another user, and that alone keeps the program
     * out. */
    uint32_t needed = ISOLATE_FEATURE_CONTAINER | ISOLATE_FEATURE_WRITABLE;
    sys_prctl(PR_SET_DUMPABLE, (config->features & needed) == needed);
}

void credentials_act_as_slot(const struct slot *slot) {
    SYS_CALL_1(__NR_setfsuid, SYS_CALL_0(__NR_geteuid));
    SYS_CALL_1(__NR_setfsgid, SYS_CALL_0(__NR_getegid));
    use_capabilities(1); /* the kernel takes some of them on a change from uid 0 to another id */
    /* Both changes cleared the parent-death signal and may have made this process dumpable (commit_creds in
     * the kernel). */
    credentials_hide(slot->config);
    sys_prctl(PR_SET_PDEATHSIG, SYS_SIGKILL);
}

int credentials_drop_bounding_set(void) {
    enum { CAPABILITY_BITS = 64 }; /* of the kernel's sets */
    /* The bounding set limits what a later exec may gain; the capabilities held now stay. */
    for (int capability = 0; capability < CAPABILITY_BITS; capability++)
        if (sys_prctl(PR_CAPBSET_DROP, (unsigned long)capability) == -EINVAL)
            return capability > 0 ? 0 : -EINVAL; /* beyond the last capability that this kernel knows */
    return 0;
}

int credentials_renounce_root(void) {
    /* Holds for the program and all its children: an exec as uid 0 gains no capability. */
    return (int)sys_prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED);
}

int credentials_drop_all_capabilities(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
    return (int)SYS_CALL_2(__NR_capset, &header, data);
}

int credentials_become_program(const struct slot *slot) {
    long result = drop_groups(slot->config);
    if (result == 0)
        result = SYS_CALL_3(__NR_setresgid, slot->gid, slot->gid, slot->gid);
    if (result == 0)
        result = SYS_CALL_3(__NR_setresuid, slot->uid, slot->uid, slot->uid);
    if (result == 0)
        result = credentials_drop_all_capabilities();
    if (result == 0)
        result = sys_prctl(PR_SET_NO_NEW_PRIVS, 1);
    return (int)result;
}
