/* Who a process is: user and group ids, capability sets. */
#include <linux/capability.h>
#include <linux/prctl.h>

#include "supervisor.h"

int credentials_become_slot_root(void) {
    long result = SYS_CALL_2(__NR_setgroups, 0, 0);
    if (result == 0)
        result = SYS_CALL_3(__NR_setresgid, 0, 0, 0);
    if (result == 0)
        result = SYS_CALL_3(__NR_setresuid, 0, 0, 0);
    return (int)result;
}

int credentials_drop_bounding_set(void) {
    /* The bounding set limits what a later exec may gain; what we hold now is not touched. */
    for (int capability = 0; capability < 64; capability++)
        if (sys_prctl(PR_CAPBSET_DROP, (unsigned long)capability) == -EINVAL)
            return capability > 0 ? 0 : -EINVAL; /* past the last one this kernel knows */
    return 0;
}

int credentials_drop_all_capabilities(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
    return (int)SYS_CALL_2(__NR_capset, &header, data);
}

int credentials_become_program(const struct slot *slot) {
    long result = SYS_CALL_2(__NR_setgroups, 0, 0);
    if (result == 0)
        result = SYS_CALL_3(__NR_setresgid, slot->gid, slot->gid, slot->gid);
    if (result == 0) /* from 0 to another id: the kernel clears the effective, permitted and ambient sets */
        result = SYS_CALL_3(__NR_setresuid, slot->uid, slot->uid, slot->uid);
    if (result == 0)
        result = credentials_drop_all_capabilities();
    if (result == 0)
        result = sys_prctl(PR_SET_NO_NEW_PRIVS, 1);
    return (int)result;
}
