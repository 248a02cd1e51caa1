/*
 * The steps between the levels: which layer to leave out when a host refuses it.
 *
 * The client learns this by trying: each failed step of a trial cell names what the next attempt leaves out.
 * Pure.
 */
#include <errno.h>

#include "internal.h"

#define CGROUP_LAYERS (ISOLATE_LAYER_CGROUP_MEMORY | ISOLATE_LAYER_CGROUP_PIDS | ISOLATE_LAYER_CGROUP_CPU)
#define NAMESPACE_LAYERS                                                                                     \
    (ISOLATE_LAYER_USER_NS | ISOLATE_LAYER_MOUNT_NS | ISOLATE_LAYER_PID_NS | ISOLATE_LAYER_NET_NS |          \
     ISOLATE_LAYER_IPC_NS | ISOLATE_LAYER_UTS_NS | ISOLATE_LAYER_ROOTFS)
#define PRIVILEGE_LAYERS                                                                                     \
    (ISOLATE_LAYER_NO_NEW_PRIVS | ISOLATE_LAYER_CAPABILITIES | ISOLATE_LAYER_SECCOMP | ISOLATE_LAYER_RLIMITS)

enum isolate_level isolate_level_of(uint32_t layers) {
    const uint32_t minimal = PRIVILEGE_LAYERS | ISOLATE_LAYER_LANDLOCK;
    const uint32_t standard = PRIVILEGE_LAYERS | NAMESPACE_LAYERS;
    const uint32_t strong = standard | CGROUP_LAYERS | ISOLATE_LAYER_CGROUP_NS | ISOLATE_LAYER_MASKED_PROC;
    if ((layers & strong) == strong)
        return ISOLATE_LEVEL_STRONG;
    if ((layers & standard) == standard)
        return ISOLATE_LEVEL_STANDARD;
    return (layers & minimal) == minimal ? ISOLATE_LEVEL_MINIMAL : ISOLATE_LEVEL_NONE;
}

static uint32_t leave_out(uint32_t avoid, uint32_t what, uint32_t layers, uint32_t *lost_layers) {
    if (!(avoid & what))
        *lost_layers = layers;
    return avoid | what;
}

static uint32_t without_namespaces(uint32_t avoid, int needs_tree, uint32_t *lost_layers) {
    /* An image, a writable root and a bind mount need a mount namespace, and nothing is left out twice. */
    if (needs_tree || (avoid & ISOLATE_AVOID_NAMESPACES))
        return avoid;
    avoid &= ~(uint32_t)(ISOLATE_AVOID_NET_NS | ISOLATE_AVOID_PROC);
    return leave_out(avoid, ISOLATE_AVOID_NAMESPACES,
                     NAMESPACE_LAYERS | ISOLATE_LAYER_CGROUP_NS | ISOLATE_LAYER_MASKED_PROC, lost_layers);
}

static int is_refusal(int errno_value) {
    return errno_value == EPERM || errno_value == EACCES || errno_value == ENOSYS || errno_value == ENOSPC ||
           errno_value == EUSERS || errno_value == EINVAL;
}

/* A shortage passes and does not depend on what the host permits, so it must not lower the level for good. */
static int is_shortage(int errno_value) {
    return errno_value == EMFILE || errno_value == ENFILE || errno_value == ENOMEM;
}

uint32_t isolate_internal_next_rung(uint32_t avoid, int id_source, int needs_tree,
                                    const isolate_failure *failure, uint32_t *lost_layers) {
    *lost_layers = 0;
    if (is_shortage(failure->errno_value))
        return avoid;
    switch (failure->stage) {
    case ISOLATE_STAGE_CGROUP:
    case ISOLATE_STAGE_JOIN_CGROUP:
        return leave_out(avoid, ISOLATE_AVOID_CGROUP, CGROUP_LAYERS, lost_layers);
    case ISOLATE_STAGE_NETWORK:
        return leave_out(avoid, ISOLATE_AVOID_NET_NS, ISOLATE_LAYER_NET_NS, lost_layers);
    case ISOLATE_STAGE_MOUNT_PROC:
        return leave_out(avoid, ISOLATE_AVOID_PROC, ISOLATE_LAYER_MASKED_PROC, lost_layers);
    case ISOLATE_STAGE_CLONE_SLOT:
        /* clone does not say which namespace was refused: leaves out the network namespace first, which hosts
         * forbid most often. */
        if (is_refusal(failure->errno_value) && !(avoid & (ISOLATE_AVOID_NET_NS | ISOLATE_AVOID_NAMESPACES)))
            return leave_out(avoid, ISOLATE_AVOID_NET_NS, ISOLATE_LAYER_NET_NS, lost_layers);
        return is_refusal(failure->errno_value) ? without_namespaces(avoid, needs_tree, lost_layers) : avoid;
    case ISOLATE_STAGE_ID_MAP:
        if (id_source == ISOLATE_IDS_SUBORDINATE && !(avoid & ISOLATE_AVOID_SUBORDINATE_IDS))
            return leave_out(avoid, ISOLATE_AVOID_SUBORDINATE_IDS, ISOLATE_LAYER_DISTINCT_UID, lost_layers);
        return without_namespaces(avoid, needs_tree, lost_layers);
    case ISOLATE_STAGE_CREDENTIALS:
    case ISOLATE_STAGE_HOSTNAME:
    case ISOLATE_STAGE_MOUNT_ROOT:
    case ISOLATE_STAGE_BIND:
    case ISOLATE_STAGE_DEV:
    case ISOLATE_STAGE_PIVOT:
    case ISOLATE_STAGE_CLONE_INIT:
        /* Some distributions grant a user namespace without capabilities. */
        return failure->errno_value == EPERM || failure->errno_value == EACCES
                   ? without_namespaces(avoid, needs_tree, lost_layers)
                   : avoid;
    default:
        return avoid;
    }
}
