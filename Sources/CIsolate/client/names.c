/* Names for people: stages, outcomes, limits, levels, layers and system calls. */
#include <linux/audit.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>

#include "isolate.h"

enum { X32_BIT = 0x40000000 };

static const char *const stage_names[ISOLATE_STAGE_COUNT] = {
    [ISOLATE_STAGE_NONE] = "none",
    [ISOLATE_STAGE_START] = "start",
    [ISOLATE_STAGE_CONFIG] = "config",
    [ISOLATE_STAGE_CGROUP] = "cgroup",
    [ISOLATE_STAGE_DIRECTORIES] = "directories",
    [ISOLATE_STAGE_CLONE_SLOT] = "cloneSlot",
    [ISOLATE_STAGE_ID_MAP] = "idMap",
    [ISOLATE_STAGE_CREDENTIALS] = "credentials",
    [ISOLATE_STAGE_NETWORK] = "network",
    [ISOLATE_STAGE_HOSTNAME] = "hostname",
    [ISOLATE_STAGE_MOUNT_ROOT] = "mountRoot",
    [ISOLATE_STAGE_BIND] = "bind",
    [ISOLATE_STAGE_BIND_MOUNT] = "bindMount",
    [ISOLATE_STAGE_ETC] = "etc",
    [ISOLATE_STAGE_DEV] = "dev",
    [ISOLATE_STAGE_PIVOT] = "pivot",
    [ISOLATE_STAGE_JOIN_CGROUP] = "joinCgroup",
    [ISOLATE_STAGE_CLONE_SEAT] = "cloneSeat",
    [ISOLATE_STAGE_SCRATCH] = "scratch",
    [ISOLATE_STAGE_OVERLAY] = "overlay",
    [ISOLATE_STAGE_CLONE_INIT] = "cloneInit",
    [ISOLATE_STAGE_MOUNT_SCRATCH] = "mountScratch",
    [ISOLATE_STAGE_MOUNT_PROC] = "mountProc",
    [ISOLATE_STAGE_MASK_PROC] = "maskProc",
    [ISOLATE_STAGE_CLONE_PROGRAM] = "cloneProgram",
    [ISOLATE_STAGE_NAMESPACES] = "namespaces",
    [ISOLATE_STAGE_LANDLOCK] = "landlock",
    [ISOLATE_STAGE_SECCOMP] = "seccomp",
    [ISOLATE_STAGE_TRACE] = "trace",
    [ISOLATE_STAGE_REQUEST] = "request",
    [ISOLATE_STAGE_LIMITS] = "limits",
    [ISOLATE_STAGE_RLIMITS] = "rlimits",
    [ISOLATE_STAGE_PROCESSORS] = "processors",
    [ISOLATE_STAGE_DIRECTORY] = "directory",
    [ISOLATE_STAGE_STDIO] = "stdio",
    [ISOLATE_STAGE_EXEC] = "exec",
    [ISOLATE_STAGE_RUN] = "run",
    [ISOLATE_STAGE_FILE] = "file",
    [ISOLATE_STAGE_PROTOCOL] = "protocol",
    [ISOLATE_STAGE_WATCHDOG] = "watchdog",
};

static const char *const outcome_names[] = {
    [ISOLATE_OUTCOME_EXITED] = "exited",           [ISOLATE_OUTCOME_SIGNALED] = "signaled",
    [ISOLATE_OUTCOME_LIMIT] = "limitExceeded",     [ISOLATE_OUTCOME_BLOCKED] = "blockedSyscall",
    [ISOLATE_OUTCOME_CANCELLED] = "cancelled",     [ISOLATE_OUTCOME_HOST_OOM] = "hostOutOfMemory",
    [ISOLATE_OUTCOME_HOST_DISK] = "hostOutOfDisk", [ISOLATE_OUTCOME_FAILED] = "failed",
};

static const char *const limit_names[ISOLATE_LIMIT_COUNT] = {
    [ISOLATE_LIMIT_NONE] = "none",
    [ISOLATE_LIMIT_WALL_TIME] = "wallTime",
    [ISOLATE_LIMIT_CPU_TIME] = "cpuTime",
    [ISOLATE_LIMIT_MEMORY] = "memory",
    [ISOLATE_LIMIT_OUTPUT] = "output",
    [ISOLATE_LIMIT_PROCESSES] = "processes",
    [ISOLATE_LIMIT_DISK] = "disk",
    [ISOLATE_LIMIT_FILE_SIZE] = "fileSize",
    [ISOLATE_LIMIT_OPEN_FILES] = "openFiles",
    [ISOLATE_LIMIT_STACK] = "stack",
};

static const char *const level_names[] = {
    [ISOLATE_LEVEL_NONE] = "unconfined",
    [ISOLATE_LEVEL_MINIMAL] = "minimal",
    [ISOLATE_LEVEL_STANDARD] = "standard",
    [ISOLATE_LEVEL_STRONG] = "strong",
};

/* By the number of the bit. */
static const char *const layer_names[] = {
    "userNamespace",   "mountNamespace",  "pidNamespace", "networkNamespace", "ipcNamespace",
    "utsNamespace",    "cgroupNamespace", "rootfs",       "maskedProc",       "noNewPrivileges",
    "capabilities",    "seccomp",         "landlock",     "rlimits",          "cgroupMemory",
    "cgroupProcesses", "cgroupCPU",       "distinctUser", "ownInodes",
};

enum {
    OUTCOMES = sizeof outcome_names / sizeof outcome_names[0],
    LEVELS = sizeof level_names / sizeof level_names[0],
    LAYERS = sizeof layer_names / sizeof layer_names[0],
};

static const char *name_at(const char *const *names, int count, int index) {
    return index >= 0 && index < count && names[index] != NULL ? names[index] : "unknown";
}

const char *isolate_stage_name(int stage) {
    return name_at(stage_names, ISOLATE_STAGE_COUNT, stage);
}

const char *isolate_outcome_name(int kind) {
    return name_at(outcome_names, OUTCOMES, kind);
}

const char *isolate_limit_name(int limit) {
    return name_at(limit_names, ISOLATE_LIMIT_COUNT, limit);
}

const char *isolate_level_name(int level) {
    return name_at(level_names, LEVELS, level);
}

const char *isolate_layer_name(uint32_t layer) {
    int is_single = layer != 0 && (layer & (layer - 1)) == 0;
    return name_at(layer_names, LAYERS, is_single ? __builtin_ctz(layer) : -1);
}

void isolate_syscall_name(isolate_syscall call, char *out, size_t bytes) {
    const char *prefix = "";
    uint32_t arch = seccomp_arch_native();
    int number = (int)call.number;
    if (call.arch == AUDIT_ARCH_I386) {
        prefix = "i386:";
        arch = SCMP_ARCH_X86;
    } else if (call.arch == AUDIT_ARCH_X86_64 && (call.number & X32_BIT)) {
        prefix = "x32:";
        arch = SCMP_ARCH_X32;
    } else if (call.arch == AUDIT_ARCH_ARM) {
        prefix = "arm:";
        arch = SCMP_ARCH_ARM;
    }
    char *name = seccomp_syscall_resolve_num_arch(arch, number);
    if (name != NULL)
        snprintf(out, bytes, "%s%s", prefix, name);
    else
        snprintf(out, bytes, "%ssyscall_%u", prefix, call.number & ~(uint32_t)X32_BIT);
    free(name);
}
