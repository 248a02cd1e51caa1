/* Names for people: stages and system calls. */
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
    [ISOLATE_STAGE_FILE] = "file",
    [ISOLATE_STAGE_PROTOCOL] = "protocol",
    [ISOLATE_STAGE_WATCHDOG] = "watchdog",
};

const char *isolate_stage_name(int stage) {
    return stage >= 0 && stage < ISOLATE_STAGE_COUNT && stage_names[stage] != NULL ? stage_names[stage]
                                                                                   : "unknown";
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
