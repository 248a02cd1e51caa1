// Prints the kernel's facts about its own process, a line "fact<TAB>value" for each: user, capabilities,
// filters, mounts. offers.c tries what the same process may do.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The value of one line of /proc/self/status.
static const char *status(const char *field) {
    static char line[256];
    FILE *file = fopen("/proc/self/status", "r");
    if (file == NULL)
        return "?";
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, field, strlen(field)) != 0 || line[strlen(field)] != ':')
            continue;
        fclose(file);
        line[strcspn(line, "\n")] = 0;
        return line + strlen(field) + 2;
    }
    fclose(file);
    return "?";
}

static void print_capabilities(const char *fact, const char *field) {
    static const char *names[] = {
        "CHOWN",         "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER",    "FSETID",     "KILL",
        "SETGID",        "SETUID",       "SETPCAP",         "LINUX_IMM", "NET_BIND",   "NET_BROADCAST",
        "NET_ADMIN",     "NET_RAW",      "IPC_LOCK",        "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO",
        "SYS_CHROOT",    "SYS_PTRACE",   "SYS_PACCT",       "SYS_ADMIN", "SYS_BOOT",   "SYS_NICE",
        "SYS_RESOURCE",  "SYS_TIME",     "SYS_TTY",         "MKNOD",     "LEASE",      "AUDIT_WRITE",
        "AUDIT_CONTROL", "SETFCAP",      "MAC_OVERRIDE",    "MAC_ADMIN", "SYSLOG",     "WAKE_ALARM",
        "BLOCK_SUSPEND", "AUDIT_READ",   "PERFMON",         "BPF",       "CHECKPOINT"};
    unsigned long long mask = strtoull(status(field), NULL, 16);
    const char *separator = "";
    printf("%s\t%s", fact, mask == 0 ? "none" : "");
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (!(mask >> i & 1))
            continue;
        printf("%s%s", separator, names[i]);
        separator = " ";
    }
    printf("\n");
}

// Prints the mounts at or below a path.
static void print_mounts(const char *fact, const char *below) {
    char line[1024], path[512], options[512], type[64];
    const char *separator = "";
    FILE *file = fopen("/proc/self/mountinfo", "r");
    printf("%s\t", fact);
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        const char *rest = strstr(line, " - ");
        if (rest == NULL || sscanf(line, "%*d %*d %*s %*s %511s %511s", path, options) != 2 ||
            sscanf(rest, " - %63s", type) != 1 || strncmp(path, below, strlen(below)) != 0)
            continue;
        printf("%s%s %s %.2s", separator, path, type, options);
        separator = ", ";
    }
    printf("%s\n", file == NULL ? "?" : "");
    if (file != NULL)
        fclose(file);
}

static const char *ptrace_scope(void) {
    static char text[8];
    int file = open("/proc/sys/kernel/yama/ptrace_scope", O_RDONLY);
    if (file < 0)
        return "no Yama";
    if (read(file, text, 1) != 1)
        strcpy(text, "?");
    close(file);
    return text;
}

int main(void) {
    printf("user\tuid %d, gid %d\n", getuid(), getgid());
    print_capabilities("capabilities in force", "CapEff");
    print_capabilities("capabilities in the bounding set", "CapBnd");
    printf("no_new_privs\t%s\n", status("NoNewPrivs"));
    printf("seccomp mode\t%s\n", status("Seccomp"));
    printf("Yama's ptrace_scope\t%s\n", ptrace_scope());
    print_mounts("mounts at /sys/fs/cgroup", "/sys/fs/cgroup");
    print_mounts("mounts below /proc", "/proc/");
    return 0;
}
