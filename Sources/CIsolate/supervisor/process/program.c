/*
 * The program's process before exec: joins the cell, drops every right, waits for a request, and executes it.
 *
 * All slow steps come before the request: namespaces, credentials, Landlock, the seccomp filter. After it
 * come the cgroup's limits, rlimits, three descriptors, execve. A failure is sent on the channel as {stage,
 * errno, index}.
 */
#include "process/program.h"

#include <asm/signal.h>
#include <asm/stat.h>
#include <linux/close_range.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/seccomp.h>

#include "accounting/cgroup.h"
#include "accounting/nproc.h"
#include "config.h"
#include "credentials.h"
#include "failure.h"
#include "process/network.h"
#include "process/processors.h"
#include "slot_state.h"
#include "sys.h"
#include "text.h"
#include "tree/landlock.h"
#include "tree/plain.h"

enum { STRINGS_MAX = 8 << 20 };
/* The embedder may start some threads during the run; a limit that is met too early would not be detected. */
enum { OTHERS_SLACK = 4, OTHERS_GUESS = 64 };
enum { EXEC_RETRY_MAX = 100, PLAIN_PATH_BYTES = 2048, SIGNALS_MAX = 1024 };

_Static_assert((int)ISOLATE_DETAIL_NAMESPACES_SESSION == (int)CELL_NAMESPACES,
               "the cell's namespaces come first");

struct filter_program {
    unsigned short length;
    const struct isolate_filter_instruction *instructions;
};

struct request {
    struct isolate_run_header header;
    char inline_strings[ISOLATE_INLINE_MAX];
};

static struct request request;

static void __attribute__((noreturn)) fail(int channel, struct isolate_failure failure) {
    struct isolate_status_record record = {
        .type = ISOLATE_PROGRAM_FAILED, .bytes = request.header.serial, .failure = failure};
    sys_send_blocking(channel, &record, sizeof record, 0, 0);
    sys_exit(127);
}

static void check(const struct slot *slot, int channel, int stage, long result, int index) {
    if (result >= 0 && stage_is_forced_to_fail(slot->config, stage))
        result = -EIO;
    if (result < 0)
        fail(channel, failure_at(stage, result, index));
}

static int install_filter(const struct isolate_config *config) {
    struct filter_program program = {(unsigned short)config->filter_count, config->filter};
    return (int)SYS_CALL_3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

/* The layers that the cell has before this process restricts itself. */
static uint32_t layers_of(const struct slot *slot) {
    uint32_t layers = cgroup_layers(slot);
    /* RLIMIT_NPROC does not apply to the host's root, so a fork storm would affect the whole host. */
    if (slot->cgroup.kind != ISOLATE_CGROUP_NONE || has_own_user(slot) || !nproc_has_room(0))
        layers |= ISOLATE_LAYER_RLIMITS;
    if (has_feature(slot, ISOLATE_FEATURE_NAMESPACES))
        layers |= ISOLATE_LAYER_USER_NS | ISOLATE_LAYER_MOUNT_NS | ISOLATE_LAYER_PID_NS |
                  ISOLATE_LAYER_IPC_NS | ISOLATE_LAYER_UTS_NS | ISOLATE_LAYER_ROOTFS;
    if (has_feature(slot, ISOLATE_FEATURE_NAMESPACES) && !slot->shares_inodes)
        layers |= ISOLATE_LAYER_OWN_INODES;
    if (has_feature(slot, ISOLATE_FEATURE_NET_NS))
        layers |= ISOLATE_LAYER_NET_NS;
    /* In a container the embedder, which asked the engine for it, reports this layer. */
    if (has_feature(slot, ISOLATE_FEATURE_PROC) && has_feature(slot, ISOLATE_FEATURE_NAMESPACES))
        layers |= ISOLATE_LAYER_MASKED_PROC;
    if (has_own_user(slot))
        layers |= ISOLATE_LAYER_DISTINCT_UID;
    return layers;
}

/* Takes every step that does not depend on the request. Returns the layers in force and the filter's
 * listener. */
static uint32_t give_up_rights(const struct slot *slot, const struct seat_request *request, int *listener) {
    int channel = request->channel;
    uint32_t layers;
    int last = network_is_per_cell(slot) ? CELL_NETWORK : CELL_UTS;
    for (int i = CELL_MOUNT; i <= last && has_feature(slot, ISOLATE_FEATURE_NAMESPACES); i++)
        check(slot, channel, ISOLATE_STAGE_NAMESPACES, SYS_CALL_2(__NR_setns, request->namespaces[i], 0), i);
    check(slot, channel, ISOLATE_STAGE_NAMESPACES, SYS_CALL_0(__NR_setsid),
          ISOLATE_DETAIL_NAMESPACES_SESSION);
    check(slot, channel, ISOLATE_STAGE_CREDENTIALS, credentials_become_program(slot),
          ISOLATE_DETAIL_CREDENTIALS_PROGRAM);
    layers = layers_of(slot) | ISOLATE_LAYER_CAPABILITIES | ISOLATE_LAYER_NO_NEW_PRIVS;
    check(slot, channel, ISOLATE_STAGE_CREDENTIALS, sys_prctl(PR_SET_PDEATHSIG, SYS_SIGKILL),
          ISOLATE_DETAIL_CREDENTIALS_DEATH_SIGNAL);
    /* Lets the slot attach as tracer; apart from it only init is in this pid namespace. exec sets the flag
     * again in any case. */
    check(slot, channel, ISOLATE_STAGE_CREDENTIALS, sys_prctl(PR_SET_DUMPABLE, 1),
          ISOLATE_DETAIL_CREDENTIALS_DUMPABLE);
    int restricted = landlock_restrict(slot);
    if (restricted == 0)
        /* A kernel without Landlock is no error: the run's layers show it. */
        layers |= ISOLATE_LAYER_LANDLOCK;
    check(slot, channel, ISOLATE_STAGE_LANDLOCK, restricted == -EOPNOTSUPP ? 0 : restricted, 0);
    uint64_t mask = 0;
    SYS_CALL_4(__NR_rt_sigprocmask, SIG_SETMASK, &mask, 0, SYS_SIGNAL_SET_BYTES);
    *listener = install_filter(slot->config);
    check(slot, channel, ISOLATE_STAGE_SECCOMP, *listener, 0);
    return layers | ISOLATE_LAYER_SECCOMP;
}

static int set_limit(int resource, uint64_t value) {
    struct {
        uint64_t soft, hard;
    } limit = {value, value};
    return (int)SYS_CALL_4(__NR_prlimit64, 0, resource, &limit, 0);
}

/* Recursive programs may raise their own stack limit: the stack is charged to the run's memory. The hard
 * limit stays the embedder's. */
static int set_stack_limit(uint64_t value) {
    struct {
        uint64_t soft, hard;
    } limit = {0, 0};
    int result = (int)SYS_CALL_4(__NR_prlimit64, 0, RLIMIT_STACK, 0, &limit);
    limit.soft = value;
    return result < 0 ? result : (int)SYS_CALL_4(__NR_prlimit64, 0, RLIMIT_STACK, &limit, 0);
}

/* Sets rlimits where no cgroup bounds memory and processes. */
static struct isolate_failure set_stand_ins(const struct slot *slot, const struct isolate_limits *limits) {
    struct cgroup_rlimits values = cgroup_rlimits(slot, limits);
    struct {
        uint64_t soft, hard;
    } data = {0, 0};
    SYS_CALL_4(__NR_prlimit64, 0, RLIMIT_DATA, 0, &data);
    /* A second bound only, so a lower limit of the embedder's stays. */
    int result = values.data_bytes < data.hard ? set_limit(RLIMIT_DATA, values.data_bytes) : 0;
    if (result < 0)
        return failure_at(ISOLATE_STAGE_RLIMITS, result, RLIMIT_DATA);
    if (values.processes != ~0ull && shares_user(slot)) /* the count includes this process */
        values.processes = limits->processes + nproc_count(OTHERS_GUESS) - 1 + OTHERS_SLACK;
    result = values.processes == ~0ull ? 0 : set_limit(RLIMIT_NPROC, values.processes);
    return failure_at(result < 0 ? ISOLATE_STAGE_RLIMITS : 0, result, RLIMIT_NPROC);
}

static struct isolate_failure set_rlimits(const struct slot *slot, const struct isolate_limits *limits) {
    const struct {
        int resource;
        uint64_t value;
    } all[] = {
        /* Well above the slot's own CPU limit, which decides. A lower hard limit of the embedder's would kill
         * the program first, so failing to raise it is an error. */
        {RLIMIT_CPU, limits->cpu_ns / 1000000000u + 10},
        {RLIMIT_NOFILE, limits->open_files},
        {RLIMIT_FSIZE, limits->file_size_bytes},
        {RLIMIT_CORE, 1}, /* 1 also prevents the start of a core_pattern pipe; 0 does not (core(5)) */
        {RLIMIT_MEMLOCK, 64 << 10},
        {RLIMIT_MSGQUEUE, 0},
        /* Queued signals and timers, which the kernel counts for the maker of the namespace, too. */
        {RLIMIT_SIGPENDING, SIGNALS_MAX},
        {RLIMIT_NICE, 0},
        {RLIMIT_RTPRIO, 0},
    };
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
        int result = set_limit(all[i].resource, all[i].value);
        if (result < 0)
            return failure_at(ISOLATE_STAGE_RLIMITS, result, all[i].resource);
    }
    int result = set_stack_limit(limits->stack_bytes);
    if (result < 0)
        return failure_at(ISOLATE_STAGE_RLIMITS, result, RLIMIT_STACK);
    return set_stand_ins(slot, limits);
}

struct program {
    const char *directory;
    const char *executable;
    char **argv;
    char **envp;
};

/* Makes pointers into the strings; checks that every string ends inside them, whatever the header says. */
static int parse_strings(const struct isolate_run_header *header, char *strings, struct program *program) {
    uint64_t pointers = (uint64_t)header->argc + header->envc + 4;
    if (header->string_bytes == 0 || header->argc == 0 || pointers > header->string_bytes + 4ull ||
        strings[header->string_bytes - 1] != 0)
        return -EINVAL;
    long memory = SYS_CALL_6(__NR_mmap, 0, pointers * sizeof(char *), PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (sys_is_error(memory))
        return (int)memory;
    char **list = (char **)memory;
    char *next = strings, *end = strings + header->string_bytes;
    for (uint64_t i = 0; i < pointers - 2; i++) {
        if (next >= end)
            return -EINVAL;
        if (i == 0)
            program->directory = next;
        else if (i == 1)
            program->executable = next;
        else if (i < 2ull + header->argc)
            list[i - 2] = next;
        else
            list[i - 1] = next; /* one entry later: argv ends with a null pointer */
        next += text_length(next) + 1;
    }
    program->argv = list;
    program->envp = list + header->argc + 1;
    return 0;
}

/* A value above what any machine has means the same, and no sum with it overflows. */
static void bound(uint64_t *value, uint64_t most) {
    if (*value > most)
        *value = most;
}

static void bound_limits(struct isolate_limits *limits) {
    bound(&limits->wall_ns, (uint64_t)1 << 62);
    bound(&limits->cpu_ns, (uint64_t)1 << 62);
    bound(&limits->memory_bytes, (uint64_t)1 << 60);
    bound(&limits->processes, ((uint64_t)1 << 22) - 1); /* PID_MAX_LIMIT, with the seat */
}

static int receive_request(int socket, struct program *program, int fds[4]) {
    sys_result n = sys_receive(socket, &request, sizeof request, fds, 4, 0);
    if (n == 0)
        sys_exit(0); /* the embedder is gone, or closed the sandbox */
    if (n < (sys_result)sizeof request.header || request.header.type != ISOLATE_RUN || fds[2] < 0)
        return n < 0 ? (int)n : -EINVAL;
    bound_limits(&request.header.limits);
    char *strings = request.inline_strings;
    if (request.header.flags & ISOLATE_RUN_STRINGS_IN_FILE) {
        struct stat status;
        if (request.header.string_bytes > STRINGS_MAX || fds[3] < 0)
            return -E2BIG;
        if (SYS_CALL_2(__NR_fstat, fds[3], &status) < 0 || status.st_size < (long)request.header.string_bytes)
            return -EINVAL; /* reading beyond the file's end would raise SIGBUS */
        long memory = SYS_CALL_6(__NR_mmap, 0, request.header.string_bytes, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE, fds[3], 0);
        if (sys_is_error(memory))
            return (int)memory;
        strings = (char *)memory;
    } else if ((uint64_t)n != sizeof request.header + request.header.string_bytes) {
        return -EINVAL;
    }
    return parse_strings(&request.header, strings, program);
}

static int place_stdio(const int fds[4], uint32_t flags) {
    /* The records' descriptors are above 2, since 0, 1 and 2 are /dev/null in this process until here. */
    for (int i = 0; i < 3; i++) {
        /* An empty stdin is the sandbox's own /dev/null: the program could not reopen one of the host's. */
        int fd = i == 0 && (flags & ISOLATE_RUN_NO_INPUT) ? sys_openat(AT_FDCWD, "/dev/null", O_RDONLY, 0)
                                                          : fds[i];
        long result = fd < 0 ? fd : SYS_CALL_3(__NR_dup3, fd, i, 0);
        if (result < 0)
            return (int)result;
    }
    return (int)SYS_CALL_3(__NR_close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC);
}

/* ENOENT for a file that exists refers to its interpreter or its dynamic linker. */
static long explain(const char *path, long result) {
    if (result == -ENOENT && SYS_CALL_3(__NR_faccessat, AT_FDCWD, path, SYS_F_OK) == 0)
        return -ELIBACC;
    return result;
}

static long execute(const char *path, const struct program *program) {
    /* ETXTBSY: a thread of the embedder forked while a descriptor was open for writing; the fork's exec
     * closes its copy soon. */
    long result = 0;
    for (int attempt = 0; attempt < EXEC_RETRY_MAX; attempt++) {
        result = SYS_CALL_3(__NR_execve, path, program->argv, program->envp);
        if (result != -ETXTBSY)
            break;
        sys_sleep_ns(1000000);
    }
    return explain(path, result);
}

/* As in a shell: a name with a slash is a path, any other is looked up in PATH; EACCES is reported if nothing
 * else is found. */
static long execute_by_name(const struct program *program) {
    const char *name = program->executable, *path = "";
    for (const char *p = name; *p != 0; p++)
        if (*p == '/')
            return execute(name, program);
    if (*name == 0)
        return -ENOENT; /* otherwise PATH's directories themselves would match */
    for (char **variable = program->envp; *variable != 0; variable++) {
        const char *v = *variable;
        if (v[0] == 'P' && v[1] == 'A' && v[2] == 'T' && v[3] == 'H' && v[4] == '=')
            path = v + 5;
    }
    long result = -ENOENT;
    while (*path != 0) {
        char directory[512], full[1024];
        size_t n = 0;
        while (*path != 0 && *path != ':') {
            if (n + 1 < sizeof directory)
                directory[n++] = *path;
            path++;
        }
        directory[n] = 0;
        if (*path == ':')
            path++;
        const char *parts[] = {directory, "/", name, 0};
        if (n == 0 || text_join(full, sizeof full, parts) < 0)
            continue;
        long tried = execute(full, program);
        if (tried != -ENOENT && tried != -ENOTDIR && tried != -EACCES)
            return tried;
        if (tried == -EACCES)
            result = tried;
    }
    return result;
}

/* Level minimal: the slot can attach only while both have the same user. */
static void wait_for_tracer(int channel) {
    struct isolate_status_record born = {.type = ISOLATE_PROGRAM_BORN};
    char go;
    sys_prctl(PR_SET_DUMPABLE, 1);
    if (sys_send_blocking(channel, &born, sizeof born, 0, 0) < 0 || sys_read(channel, &go, 1) != 1)
        sys_exit(1);
}

/* Level minimal: /work and /tmp are elsewhere, and HOME and TMPDIR name their places. */
static int move_paths(const struct slot *slot, struct program *program) {
    static char work[PLAIN_PATH_BYTES], directory[PLAIN_PATH_BYTES], home[PLAIN_PATH_BYTES],
        temporary[PLAIN_PATH_BYTES];
    static char tmp[PLAIN_PATH_BYTES];
    int has_temporary = 0;
    char **last = program->envp;
    int result = plain_path(slot, "/work", work, sizeof work);
    if (result == 0)
        result = plain_path(slot, "/tmp", tmp, sizeof tmp);
    const char *home_parts[] = {"HOME=", work, 0}, *temporary_parts[] = {"TMPDIR=", tmp, 0};
    if (result == 0)
        result = text_join(home, sizeof home, home_parts);
    if (result == 0)
        result = text_join(temporary, sizeof temporary, temporary_parts);
    if (text_begins(program->directory, "/work/") || text_equals(program->directory, "/work")) {
        const char *parts[] = {work, program->directory + 5, 0};
        if (result == 0)
            result = text_join(directory, sizeof directory, parts);
        program->directory = directory;
    }
    for (; *last != 0; last++) {
        if (text_equals(*last, "HOME=/work"))
            *last = home;
        has_temporary |= text_begins(*last, "TMPDIR=");
    }
    if (!has_temporary)
        *last = temporary; /* parse_strings left room for one entry and a null pointer after it */
    return result;
}

/* The kernel then prefers this process and its children to the slot's own processes. The seat does not do it
 * for them: a program may lower its own value again, and then the seat would be preferred. */
static void prefer_for_oom(const struct slot *slot) {
    sys_prctl(PR_SET_DUMPABLE, 1); /* otherwise the file below belongs to the host's root */
    int CLEANUP_CLOSE fd = sys_openat(slot->proc, "self/oom_score_adj", O_WRONLY, 0);
    if (fd >= 0)
        sys_write(fd, "500", 3);
    credentials_hide(slot->config);
}

void program_main(struct slot *slot, const struct seat_request *seat_request) {
    int channel = seat_request->channel, fds[4];
    struct program program = {0};
    struct isolate_status_record waiting = {.type = ISOLATE_PROGRAM_WAITING};
    int listener = -1;

    sys_prctl(PR_SET_NAME, (unsigned long)"program");
    prefer_for_oom(slot);
    if (!has_feature(slot, ISOLATE_FEATURE_NAMESPACES))
        wait_for_tracer(channel);
    struct isolate_failure failure = cgroup_enter(slot);
    check(slot, channel, ISOLATE_STAGE_JOIN_CGROUP, -failure.errno_value, failure.index);
    waiting.layers = give_up_rights(slot, seat_request, &listener);
    /* If the slot died before the death signal was set, the channel has no other end and the send fails. */
    if (sys_send_blocking(channel, &waiting, sizeof waiting, &listener, 1) < 0)
        sys_exit(1);
    sys_close(listener);
    /* The slot attaches as tracer before any code of the program can run. */
    char go;
    if (sys_read(channel, &go, 1) != 1)
        sys_exit(1);

    check(slot, channel, ISOLATE_STAGE_REQUEST, receive_request(slot->request, &program, fds),
          ISOLATE_DETAIL_REQUEST_RECEIVE);

    const struct isolate_run_header *header = &request.header;
    struct isolate_ready_record ready = {.type = ISOLATE_PROGRAM_READY,
                                         .flags = header->flags,
                                         .serial = header->serial,
                                         .limits = header->limits};
    /* Before the limits: a small openFiles would leave no room for these descriptors. */
    check(slot, channel, ISOLATE_STAGE_STDIO, place_stdio(fds, header->flags), 0);
    failure = set_rlimits(slot, &header->limits);
    check(slot, channel, ISOLATE_STAGE_RLIMITS, -failure.errno_value, failure.index);
    if (!has_own_tree(slot))
        check(slot, channel, ISOLATE_STAGE_DIRECTORY, move_paths(slot, &program),
              ISOLATE_DETAIL_DIRECTORY_PATHS);
    check(slot, channel, ISOLATE_STAGE_DIRECTORY, SYS_CALL_1(__NR_chdir, program.directory),
          ISOLATE_DETAIL_DIRECTORY_CHANGE);
    slot->container.held_bytes = (uint64_t)header->held_kib << 10;
    failure = cgroup_begin(slot, &ready);
    check(slot, channel, ISOLATE_STAGE_LIMITS, -failure.errno_value, failure.index);
    ready.start_date_ns = sys_clock_ns(SYS_CLOCK_REALTIME_COARSE);
    ready.exact_date_ns = sys_clock_ns(SYS_CLOCK_REALTIME);
    ready.start_ns = sys_now_ns();
    /* The clocks run from here on. */
    if (sys_send_blocking(channel, &ready, sizeof ready, 0, 0) < 0)
        sys_exit(1);
    if (has_own_processors(
            &header->limits)) { /* the slot answers the filter's notifications only from now on */
        uint32_t missing;
        long bound = bind_to_processors(&header->limits, &missing);
        check(slot, channel, ISOLATE_STAGE_PROCESSORS, bound, missing);
    }
    check(slot, channel, ISOLATE_STAGE_EXEC, 0, 0);
    fail(channel, failure_at(ISOLATE_STAGE_EXEC, execute_by_name(&program), 0));
}
