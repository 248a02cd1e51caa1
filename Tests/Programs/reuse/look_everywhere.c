// Prints all that an earlier program may have left or changed, and nothing that differs between two programs
// that each start in a new sandbox.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

extern char **environ;

static void print_attributes(const char *path) {
    struct stat status;
    struct statfs system;
    char names[4096];
    if (lstat(path, &status) != 0) {
        printf("%s: gone\n", path);
        return;
    }
    printf("%s: mode %o owner %u:%u\n", path, status.st_mode, status.st_uid, status.st_gid);
    if (S_ISDIR(status.st_mode) && statfs(path, &system) == 0 && system.f_type == 0x01021994 /* tmpfs */)
        printf("%s: links %lu\n", path, (unsigned long)status.st_nlink);
    long bytes = llistxattr(path, names, sizeof names);
    for (long at = 0; at < bytes; at += (long)strlen(names + at) + 1)
        printf("%s: attribute %s\n", path, names + at);
    int fd = open(path, O_RDONLY | O_DIRECTORY), flags;
    if (fd >= 0 && syscall(SYS_ioctl, fd, 0x80086601 /* FS_IOC_GETFLAGS */, &flags) == 0)
        printf("%s: flags %x\n", path, flags);
    if (fd >= 0)
        close(fd);
}

static void print_entries(const char *path) {
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        if (strcmp(path, "/work") == 0 && (strcmp(name, "victim") == 0 || strcmp(name, "looker") == 0))
            continue;
        printf("%s has %s\n", path, name);
    }
    if (directory == NULL)
        printf("%s cannot be listed\n", path);
    else
        closedir(directory);
    struct statfs status;
    // Files without a name occupy space.
    if (strcmp(path, "/work") != 0 && statfs(path, &status) == 0)
        printf("%s: %lu blocks, %lu inodes in use\n", path, (unsigned long)(status.f_blocks - status.f_bfree),
               (unsigned long)(status.f_files - status.f_ffree));
}

/* Prints a table of the kernel's without its header. */
static void print_table(const char *path) {
    char line[1024];
    FILE *file = fopen(path, "r");
    for (int number = 0; file != NULL && fgets(line, sizeof line, file) != NULL; number++)
        if (number > 0)
            printf("%s: %s", path, line);
    if (file != NULL)
        fclose(file);
}

/* Without their addresses and numbers, which always differ. */
static void print_sockets(void) {
    char line[1024], flags[32], type[32], state[32], path[512];
    FILE *file = fopen("/proc/net/unix", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        path[0] = 0;
        if (sscanf(line, "%*s %*s %*s %31s %31s %31s %*s %511s", flags, type, state, path) >= 3)
            printf("socket: %s %s %s %s\n", flags, type, state, path);
    }
    if (file != NULL)
        fclose(file);
}

/* Prints how many lines a file has; some of its contents change by themselves. */
static void print_count(const char *path) {
    char line[1024];
    int count = 0;
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        count++;
    printf("%s: %d lines\n", path, file == NULL ? -1 : count);
    if (file != NULL)
        fclose(file);
}

static void print_word(const char *path) {
    char text[256] = "";
    int fd = open(path, O_RDONLY);
    long n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (n > 0 && text[n - 1] == '\n')
        text[n - 1] = 0;
    printf("%s: %s\n", path, text);
    if (fd >= 0)
        close(fd);
}

static void print_processes(void) {
    DIR *processes = opendir("/proc");
    int count = 0;
    for (struct dirent *entry; processes != NULL && (entry = readdir(processes)) != NULL;) {
        char path[300];
        struct stat status;
        if (atoi(entry->d_name) <= 0 || atoi(entry->d_name) == getpid())
            continue;
        count++;
        snprintf(path, sizeof path, "/proc/%s", entry->d_name);
        if (stat(path, &status) == 0 && status.st_uid == getuid())
            printf("a process of ours\n");
    }
    printf("processes: %d\n", count);
    if (processes != NULL)
        closedir(processes);
}

static void print_status(void) {
    static const char *const kept[] = {
        "Umask",           "TracerPid",    "Uid",          "Gid",         "FDSize",
        "Groups",          "Threads",      "SigQ",         "SigPnd",      "ShdPnd",
        "SigBlk",          "SigIgn",       "SigCgt",       "CapInh",      "CapPrm",
        "CapEff",          "CapBnd",       "CapAmb",       "NoNewPrivs",  "Seccomp",
        "Seccomp_filters", "Cpus_allowed", "Mems_allowed", "THP_enabled", "CoreDumping"};
    char line[1024];
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        for (unsigned i = 0; i < sizeof kept / sizeof kept[0]; i++)
            if (strncmp(line, kept[i], strlen(kept[i])) == 0 && line[strlen(kept[i])] == ':')
                printf("%s", line);
    if (file != NULL)
        fclose(file);
}

int main(void) {
    static const char *const places[] = {"/work", "/tmp", "/dev/shm", "/dev/mqueue"};
    static const char *const others[] = {"/", "/dev", "/dev/null", "/dev/pts", "/proc", "/etc"};
    static const char *const words[] = {"/proc/self/oom_score_adj",   "/proc/self/personality",
                                        "/proc/self/cgroup",          "/proc/self/timerslack_ns",
                                        "/proc/self/coredump_filter", "/proc/self/loginuid",
                                        "/proc/self/setgroups",       "/proc/self/uid_map",
                                        "/proc/sys/kernel/hostname",  "/proc/sys/kernel/domainname"};
    char name[256] = "";
    for (unsigned i = 0; i < 4; i++) {
        print_attributes(places[i]);
        print_entries(places[i]);
    }
    for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++)
        print_attributes(others[i]);
    print_entries("/dev/pts");
    print_table("/proc/sysvipc/shm");
    print_table("/proc/sysvipc/msg");
    print_table("/proc/sysvipc/sem");
    print_sockets();
    print_table("/proc/keys");
    print_count("/proc/self/mountinfo");
    print_processes();
    print_status();
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        print_word(words[i]);
    for (int kind = 0; kind < RLIM_NLIMITS; kind++) {
        struct rlimit limit;
        getrlimit(kind, &limit);
        printf("limit %d: %lu %lu\n", kind, (unsigned long)limit.rlim_cur, (unsigned long)limit.rlim_max);
    }
    gethostname(name, sizeof name);
    printf("host %s\n", name);
    printf("nice %d io %ld scheduler %d session %d group %d\n", getpriority(PRIO_PROCESS, 0),
           syscall(SYS_ioprio_get, 1, 0), sched_getscheduler(0), getsid(0) == getpid(),
           getpgrp() == getpid());
    for (int fd = 0; fd < 4096; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            printf("descriptor %d\n", fd);
    for (char **variable = environ; *variable != NULL; variable++)
        printf("variable %s\n", *variable);
    return 0;
}
