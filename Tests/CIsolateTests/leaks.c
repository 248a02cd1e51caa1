/* What a process holds and what it caused elsewhere, before and after a test. */
#include "leaks.h"

#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup_facts.h"
#include "internal.h"
#include "support.h"
#include "test.h"

enum { TEXT_BYTES = 256 << 10, SIGNALS = 64 };

struct snapshot {
    char descriptors[16 << 10];
    char mounts[TEXT_BYTES];
    char memory_files[4096];
    char actions[SIGNALS][32];
    char mask[8];
    int threads;
    struct owner owner;
};

static size_t read_text(const char *path, char *out, size_t bytes) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t used = 0;
    ssize_t n;
    while (fd >= 0 && used + 1 < bytes && (n = read(fd, out + used, bytes - 1 - used)) > 0)
        used += (size_t)n;
    out[used] = 0;
    if (fd >= 0)
        close(fd);
    return used;
}

struct owner owner_known_as(pid_t pid, pid_t inner_pid) {
    struct owner owner;
    snprintf(owner.key, sizeof owner.key, "-%d-b%llu-", (int)inner_pid,
             (unsigned long long)isolate_process_birth(pid));
    return owner;
}

struct owner owner_of(pid_t pid) {
    return owner_known_as(pid, pid);
}

static int names_owner(const char *text, const struct owner *owner) {
    const char *ours = strstr(text, INTERNAL_CGROUP_PREFIX);
    return ours != NULL && strstr(ours, owner->key) != NULL;
}

static char process_state(int pid) {
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    read_text(path, text, sizeof text);
    const char *end = strrchr(text, ')');
    return end != NULL && end[1] == ' ' ? end[2] : 'X';
}

int owner_processes(const struct owner *owner) {
    DIR *list = opendir("/proc");
    int count = 0;
    for (struct dirent *entry; list != NULL && (entry = readdir(list)) != NULL;) {
        char path[300], text[4096];
        int pid = atoi(entry->d_name);
        if (pid <= 0)
            continue;
        snprintf(path, sizeof path, "/proc/%d/cgroup", pid);
        read_text(path, text, sizeof text);
        /* A zombie waits for the machine's pid 1 to reap it, and does not count as a leak. */
        char state = names_owner(text, owner) ? process_state(pid) : 'X';
        if (state != 'X' && state != 'Z') {
            count++;
            snprintf(path, sizeof path, "/proc/%d/comm", pid);
            read_text(path, text, sizeof text);
            text[strcspn(text, "\n")] = 0;
            test_context("left: process %d (%s)", pid, text);
        }
    }
    if (list != NULL)
        closedir(list);
    return count;
}

struct counting {
    const struct owner *owner;
    int count;
};

static void count_cgroups(const char *parent, void *context) {
    struct counting *counting = context;
    DIR *list = opendir(parent);
    for (struct dirent *entry; list != NULL && (entry = readdir(list)) != NULL;)
        if (names_owner(entry->d_name, counting->owner)) {
            counting->count++;
            test_context("left: cgroup %s", entry->d_name);
        }
    if (list != NULL)
        closedir(list);
}

int owner_cgroups(const struct owner *owner) {
    struct counting counting = {owner, 0};
    isolate_internal_cgroup_for_each_parent(count_cgroups, &counting);
    return counting.count;
}

void expect_no_processes(const struct owner *owner, unsigned milliseconds) {
    uint64_t end = now_ms() + milliseconds;
    while (owner_processes(owner) > 0) {
        if (now_ms() >= end)
            CHECK_EQUAL(owner_processes(owner), 0);
        sleep_ms(10);
    }
    test_context("%s", "");
}

void expect_nothing_left(const struct owner *owner, unsigned milliseconds) {
    uint64_t end = now_ms() + milliseconds;
    expect_no_processes(owner, milliseconds);
    while (owner_cgroups(owner) > 0) {
        if (now_ms() >= end)
            CHECK_EQUAL(owner_cgroups(owner), 0);
        sleep_ms(10);
    }
    test_context("%s", "");
}

static void list_descriptors(char *out, size_t bytes) {
    DIR *list = opendir("/proc/self/fd");
    size_t used = 0;
    CHECK(list != NULL);
    out[0] = 0;
    for (struct dirent *entry; (entry = readdir(list)) != NULL;) {
        char target[512];
        ssize_t n = readlinkat(dirfd(list), entry->d_name, target, sizeof target - 1);
        if (n < 0 || atoi(entry->d_name) == dirfd(list))
            continue;
        target[n] = 0;
        used += (size_t)snprintf(out + used, bytes - used, "%s %s\n", entry->d_name, target);
        CHECK(used < bytes);
    }
    closedir(list);
}

int descriptor_count(void) {
    char text[16 << 10];
    int count = 0;
    list_descriptors(text, sizeof text);
    for (const char *p = text; *p != 0; p++)
        count += *p == '\n';
    return count;
}

static void list_memory_files(char *out, size_t bytes) {
    glob_t found = {0};
    size_t used = 0;
    out[0] = 0;
    if (glob("/tmp/isolate-*", 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc && used < bytes; i++)
            used += (size_t)snprintf(out + used, bytes - used, "%s\n", found.gl_pathv[i]);
    globfree(&found);
}

static int thread_count(void) {
    char value[32];
    read_status_line(getpid(), "Threads", value, sizeof value);
    return atoi(value);
}

static void read_signals(struct snapshot *snapshot) {
    memset(snapshot->actions, 0, sizeof snapshot->actions);
    for (int signal = 1; signal <= SIGNALS; signal++)
        CHECK_OK(syscall(SYS_rt_sigaction, signal, NULL, snapshot->actions[signal - 1], 8));
    CHECK_OK(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, snapshot->mask, 8));
}

static void fill(struct snapshot *snapshot) {
    list_descriptors(snapshot->descriptors, sizeof snapshot->descriptors);
    read_text("/proc/self/mountinfo", snapshot->mounts, sizeof snapshot->mounts);
    list_memory_files(snapshot->memory_files, sizeof snapshot->memory_files);
    read_signals(snapshot);
    snapshot->threads = thread_count();
    snapshot->owner = owner_of(getpid());
}

static void *do_nothing(void *argument) {
    return argument;
}

struct snapshot *snapshot_take(void) {
    struct snapshot *snapshot = calloc(1, sizeof *snapshot);
    pthread_t thread;
    CHECK(snapshot != NULL);
    /* glibc sets its own signal handler with the first thread. */
    CHECK_EQUAL(pthread_create(&thread, NULL, do_nothing, NULL), 0);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
    while (thread_count() > 1) /* the thread is joined, but still exiting */
        sleep_ms(1);
    CHECK_OK(unshare(CLONE_NEWNS));
    /* A mount namespace of the test's own, with shared propagation: a mount that leaks from a slot shows up
     * here. */
    CHECK_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    CHECK_OK(mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL));
    fill(snapshot);
    return snapshot;
}

/* Fails on mounts that are new. Other processes' mounts may disappear meanwhile: the kernel detaches a mount
 * in every namespace when its mount point is removed in one. */
static void expect_no_new_mount(const char *before, char *after) {
    for (char *line = strtok(after, "\n"); line != NULL; line = strtok(NULL, "\n"))
        if (strstr(before, line) == NULL)
            test_fail(__FILE__, __LINE__, "a new mount: %s", line);
}

void snapshot_check(struct snapshot *before) {
    struct snapshot *after = calloc(1, sizeof *after);
    CHECK(after != NULL);
    errno = 0;
    CHECK_EQUAL(waitpid(-1, NULL, WNOHANG | __WALL), -1);
    CHECK_EQUAL(errno, ECHILD);
    /* A stopped supervisor is dead; its last processes may still be exiting. */
    expect_no_processes(&before->owner, 200);
    CHECK_EQUAL(owner_cgroups(&before->owner), 0);
    fill(after);
    CHECK_TEXT(after->descriptors, before->descriptors);
    expect_no_new_mount(before->mounts, after->mounts);
    CHECK_TEXT(after->memory_files, before->memory_files);
    CHECK_EQUAL(memcmp(after->actions, before->actions, sizeof after->actions), 0);
    CHECK_EQUAL(memcmp(after->mask, before->mask, sizeof after->mask), 0);
    CHECK_EQUAL(after->threads, before->threads);
    free(after);
    free(before);
}

int memory_cgroup_count(void) {
    char text[4096];
    read_text("/proc/cgroups", text, sizeof text);
    const char *line = strstr(text, "\nmemory\t");
    int hierarchy, count = -1;
    if (line == NULL || sscanf(line, "\nmemory %d %d", &hierarchy, &count) != 2)
        test_fail(__FILE__, __LINE__, "no memory line in /proc/cgroups");
    return count;
}

pid_t child_of(pid_t parent) {
    return named_child_of(parent, NULL);
}

pid_t named_child_of(pid_t parent, const char *name) {
    DIR *list = opendir("/proc");
    pid_t found = 0;
    for (struct dirent *entry; list != NULL && found == 0 && (entry = readdir(list)) != NULL;) {
        char value[64];
        int pid = atoi(entry->d_name);
        if (pid <= 0)
            continue;
        read_status_line(pid, "PPid", value, sizeof value);
        if (atoi(value) != parent)
            continue;
        read_status_line(pid, "Name", value, sizeof value);
        if (name == NULL || strcmp(value, name) == 0)
            found = pid;
    }
    if (list != NULL)
        closedir(list);
    return found;
}

void read_status_line(pid_t pid, const char *key, char *out, size_t bytes) {
    char path[64], text[8192], start[64];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    snprintf(start, sizeof start, "%s:\t", key);
    out[0] = 0;
    if (read_text(path, text, sizeof text) == 0)
        return;
    const char *line = strstr(text, start);
    if (line != NULL) {
        line += strlen(start);
        snprintf(out, bytes, "%.*s", (int)strcspn(line, "\n"), line);
    }
}
