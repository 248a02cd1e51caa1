/* The supervisor's configuration: what the root holds, what of proc is hidden, where the cgroups are, the
 * filter. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup_facts.h"
#include "internal.h"

enum { TEXT_MAX = 32 << 10, PROGRAM_UID = 1000, UIDS_PER_SUPERVISOR = 64 };

/* Above the ranges that distributions give to people, services and containers; see the systemd project's
 * list. */
#define UID_BASE 0x70000000u

struct builder {
    struct isolate_config *config;
    char *text; /* right behind the structure */
    size_t used;
    int error;
};

static uint32_t add_bytes(struct builder *b, const char *bytes, size_t length) {
    if (b->used + length + 1 > TEXT_MAX) {
        b->error = -E2BIG;
        return 0;
    }
    uint32_t offset = (uint32_t)(sizeof *b->config + b->used);
    memcpy(b->text + b->used, bytes, length);
    b->text[b->used + length] = 0;
    b->used += length + 1;
    return offset;
}

static uint32_t add_text(struct builder *b, const char *text) {
    return add_bytes(b, text, strlen(text));
}

static void add_bind(struct builder *b, enum isolate_bind_kind kind, const char *source, const char *target) {
    if (b->config->bind_count == ISOLATE_BIND_MAX) {
        b->error = -E2BIG;
        return;
    }
    struct isolate_bind bind = {kind, add_text(b, source), add_text(b, target)};
    b->config->binds[b->config->bind_count++] = bind;
}

/* A link stays a link, a directory or file of the host is bound; what the host lacks is left out. */
static void add_host_path(struct builder *b, const char *path) {
    struct stat status;
    char target[512];
    if (lstat(path, &status) != 0)
        return;
    if (S_ISLNK(status.st_mode)) {
        ssize_t n = readlink(path, target, sizeof target - 1);
        if (n > 0) {
            target[n] = 0;
            add_bind(b, ISOLATE_BIND_LINK, target, path + 1);
        }
    } else if (S_ISDIR(status.st_mode)) {
        add_bind(b, ISOLATE_BIND_TREE, path, path + 1);
    } else if (S_ISREG(status.st_mode)) {
        add_bind(b, ISOLATE_BIND_FILE, path, path + 1);
    }
}

static void add_binds(struct builder *b) {
    static const char *const host[] = {
        "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
        /* what dynamic linking, cc and c++, and local time need of /etc; nothing that names the host */
        "/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime", "/etc/protocols", "/etc/services"};
    static const char *const devices[] = {"null", "zero", "full", "random", "urandom"};
    static const char *const links[][2] = {{"/proc/self/fd", "dev/fd"},
                                           {"/proc/self/fd/0", "dev/stdin"},
                                           {"/proc/self/fd/1", "dev/stdout"},
                                           {"/proc/self/fd/2", "dev/stderr"}};
    for (size_t i = 0; i < sizeof host / sizeof host[0]; i++)
        add_host_path(b, host[i]);
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++) {
        char source[32];
        snprintf(source, sizeof source, "/dev/%s", devices[i]);
        add_bind(b, ISOLATE_BIND_DEVICE, source, source + 1);
    }
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        add_bind(b, ISOLATE_BIND_LINK, links[i][0], links[i][1]);
}

static void add_file(struct builder *b, const char *path, const char *text) {
    struct isolate_file file = {add_text(b, path), add_text(b, text), (uint32_t)strlen(text)};
    b->config->files[b->config->file_count++] = file;
}

static void add_files(struct builder *b) {
    add_file(b, "etc/passwd",
             "root:x:0:0:root:/:/usr/sbin/nologin\n"
             "sandbox:x:1000:1000:sandbox:/work:/bin/sh\n"
             "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n");
    add_file(b, "etc/group", "root:x:0:\nsandbox:x:1000:\nnogroup:x:65534:\n");
    /* Files only: no lookup of ours leaves the sandbox. */
    add_file(b, "etc/nsswitch.conf",
             "passwd: files\ngroup: files\nshadow: files\nhosts: files\nnetworks: files\nprotocols: files\n"
             "services: files\n");
    add_file(b, "etc/hosts", "127.0.0.1 localhost sandbox\n");
    add_file(b, "etc/hostname", "sandbox\n");
}

static void add_masks(struct builder *b) {
    static const struct {
        const char *path;
        uint32_t kind;
    } masks[] = {{"/proc/cmdline", 0},       {"/proc/partitions", 0},  {"/proc/diskstats", 0},
                 {"/proc/kcore", 0},         {"/proc/keys", 0},        {"/proc/key-users", 0},
                 {"/proc/kallsyms", 0},      {"/proc/kmsg", 0},        {"/proc/modules", 0},
                 {"/proc/timer_list", 0},    {"/proc/sched_debug", 0}, {"/proc/sysrq-trigger", 0},
                 {"/proc/latency_stats", 0}, {"/proc/interrupts", 0},  {"/proc/acpi", 1},
                 {"/proc/scsi", 1},          {"/proc/bus", 1},         {"/proc/fs", 1},
                 {"/proc/irq", 1},           {"/proc/driver", 1},      {"/proc/sys", 2}};
    for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++)
        if (access(masks[i].path, F_OK) == 0) {
            struct isolate_mask mask = {add_text(b, masks[i].path), masks[i].kind};
            b->config->masks[b->config->mask_count++] = mask;
        }
}

static void add_cgroups(struct builder *b, const isolate_start_options *options,
                        isolate_supervisor *supervisor) {
    static unsigned last_number;
    isolate_cgroup_choice choice;
    char name[64];
    supervisor->number = __atomic_add_fetch(&last_number, 1, __ATOMIC_RELAXED);
    internal_cgroup_name(supervisor, name, sizeof name);
    isolate_cgroup_choose(options->avoid, options->adopt_cgroup, &choice);
    int adopted = choice.adopt ? cgroup_adopt(&choice) : 0;
    if (adopted < 0) {
        choice.kind = ISOLATE_CGROUP_NONE;
        snprintf(choice.reason, sizeof choice.reason, "moving this process to a cgroup of its own failed: %s",
                 strerrordesc_np(-adopted));
    }
    b->config->cgroup_wait = choice.ask_systemd ? 1 : 0;
    supervisor->cgroup = choice.kind;
    memcpy(supervisor->cgroup_reason, choice.reason, sizeof choice.reason);
    b->config->cgroup_kind = (uint32_t)choice.kind;
    b->config->cgroup_home = add_text(b, choice.home);
    for (int h = 0; h < ISOLATE_CGROUP_COUNT && choice.parent[h][0] != 0; h++) {
        char path[ISOLATE_CGROUP_PATH_BYTES + sizeof name];
        snprintf(path, sizeof path, "%s/%s", choice.parent[h], name);
        b->config->cgroup_dir[h] = add_text(b, path);
    }
}

static int fill(struct builder *b, const isolate_start_options *options, isolate_supervisor *supervisor,
                isolate_failure *failure) {
    struct isolate_config *config = b->config;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    config->processors = processors > 0 ? (uint32_t)processors : 1;
    config->uid_base = UID_BASE;
    config->uid_count = UIDS_PER_SUPERVISOR;
    config->program_uid = PROGRAM_UID;
    config->landlock_abi = (uint32_t)isolate_landlock_abi();
    config->fail_stage = options->fail_stage;
    /* Each processor takes charges ahead in batches of 64 pages. */
    config->charge_batch_bytes = 64ull * (uint64_t)sysconf(_SC_PAGESIZE) * config->processors;
    config->hostname = add_text(b, "sandbox");
    add_binds(b);
    add_files(b);
    add_masks(b);
    int count = isolate_filter_compile(config->filter, ISOLATE_FILTER_MAX, config->fatal);
    if (count < 0) {
        *failure = internal_failure(ISOLATE_STAGE_SECCOMP, -count, 0);
        return count;
    }
    config->filter_count = (uint32_t)count;
    supervisor->landlock = (int)config->landlock_abi;
    add_cgroups(b, options, supervisor);
    return 0;
}

int isolate_memory_file(const void *data, size_t bytes) {
    int fd = memfd_create("isolate", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    for (size_t done = 0; done < bytes;) {
        ssize_t n = write(fd, (const char *)data + done, bytes - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            int error = errno;
            close(fd);
            return -error;
        }
        done += (size_t)n;
    }
    lseek(fd, 0, SEEK_SET);
    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
    return fd;
}

int internal_config_file(const isolate_start_options *options, isolate_supervisor *supervisor,
                         int *asks_for_place, isolate_failure *failure) {
    struct builder b = {.config = calloc(1, sizeof(struct isolate_config) + TEXT_MAX)};
    if (b.config == NULL)
        return -ENOMEM;
    b.text = (char *)(b.config + 1);
    int result = fill(&b, options, supervisor, failure);
    if (result == 0)
        result = b.error;
    b.config->bytes = (uint32_t)(sizeof *b.config + b.used);
    *asks_for_place = b.config->cgroup_wait != 0;
    if (result == 0)
        result = isolate_memory_file(b.config, b.config->bytes);
    free(b.config);
    return result;
}
