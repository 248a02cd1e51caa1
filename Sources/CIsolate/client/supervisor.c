/* The supervisor's life as its owner controls it: start, stop, and the records between. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

enum { READY_TIMEOUT_MS = 10000, STOP_TIMEOUT_MS = 10000, TRIAL_DISK_BYTES = 1 << 20 };

/* An executable file without a name: a sealed memory file, or an unlinked file where the host refuses
 * that. */
static int image_file(const void *image, size_t bytes) {
    int fd = memfd_create("isolate-supervisor", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
    if (fd < 0 && errno == EINVAL) /* a kernel before 6.3 does not know MFD_EXEC and does not need it */
        fd = memfd_create("isolate-supervisor", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int is_memory = fd >= 0;
    int writer = fd, error = 0;
    if (fd < 0) { /* vm.memfd_noexec forbids it */
        char path[] = "/tmp/isolate-XXXXXX";
        writer = mkostemp(path, O_CLOEXEC);
        if (writer < 0)
            return -errno;
        int may_execute = fchmod(writer, 0700) == 0;
        fd = may_execute ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        error = errno;
        unlink(path);
    }
    int result = fd < 0 ? -error : 0;
    if (result == 0)
        result = isolate_internal_write_all(writer, image, bytes);
    if (is_memory && result == 0)
        result = isolate_internal_seal(fd);
    if (!is_memory)
        close(writer); /* a file that is open for writing cannot be executed (ETXTBSY) */
    if (result < 0 && fd >= 0)
        close(fd);
    return result < 0 ? result : fd;
}

static int wait_until_ready(isolate_supervisor *supervisor, isolate_failure *failure) {
    uint64_t end = isolate_internal_now_ms() + READY_TIMEOUT_MS;
    isolate_slot_record record;
    int fds[2], result;
    do {
        result = isolate_internal_wait_readable(supervisor->socket, end);
        if (result < 0) {
            *failure = isolate_internal_failure(ISOLATE_STAGE_START, -result, ISOLATE_DETAIL_START_WAIT);
            return result;
        }
        result = isolate_supervisor_receive(supervisor, &record, fds);
    } while (result == 0);
    if (result < 0 || record.type != ISOLATE_SUPERVISOR_READY) {
        *failure = isolate_internal_failure(ISOLATE_STAGE_START, result < 0 ? -result : EPROTO,
                                            ISOLATE_DETAIL_START_WORD);
        return result < 0 ? result : -EPROTO;
    }
    if (record.failure.stage == ISOLATE_STAGE_CGROUP) {
        /* The next attempt leaves the cgroup out and reports this reason. */
        snprintf(supervisor->cgroup_reason, sizeof supervisor->cgroup_reason,
                 "making cgroups (v%d) failed: %s", supervisor->cgroup,
                 strerrordesc_np(record.failure.errno_value));
    }
    *failure = record.failure;
    return isolate_internal_status(failure);
}

/* There is no usable cgroup: requests a scope from systemd and sends the supervisor the result. */
static int send_cgroup_directory(isolate_supervisor *supervisor) {
    struct isolate_cgroup_directory_record record = {.type = ISOLATE_CGROUP_DIRECTORY};
    int result = isolate_internal_systemd_scope(supervisor, record.path, sizeof record.path);
    if (result == 0) {
        supervisor->cgroup = ISOLATE_CGROUP_V2;
        supervisor->cgroup_reason[0] = 0;
    } else {
        size_t used = strlen(supervisor->cgroup_reason);
        memset(record.path, 0, sizeof record.path);
        snprintf(supervisor->cgroup_reason + used, sizeof supervisor->cgroup_reason - used,
                 "; systemd made no scope: %s", strerrordesc_np(-result));
    }
    return send(supervisor->socket, &record, sizeof record, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int start_once(const isolate_start_options *options, isolate_supervisor *supervisor,
                      isolate_failure *failure) {
    int CLEANUP_CLOSE image = -1;
    int CLEANUP_CLOSE owner = -1;
    int CLEANUP_CLOSE config = -1;
    int ends[2] = {-1, -1}, result, asks_for_directory = 0;
    *failure = isolate_internal_failure(ISOLATE_STAGE_NONE, 0, 0);
    *supervisor = (isolate_supervisor){
        .socket = -1, .pidfd = -1, .pid = -1, .owner = getpid(), .exchange = PTHREAD_MUTEX_INITIALIZER};
    supervisor->avoid = options->avoid;
    supervisor->answer_timeout_ms =
        options->answer_timeout_ms > 0 ? options->answer_timeout_ms : ISOLATE_ANSWER_TIMEOUT_MS;
    supervisor->grace_ms = options->grace_ms > 0 ? options->grace_ms : ISOLATE_GRACE_MS;

    result = supervisor->processors = isolate_processor_count();
    if (result >= 0)
        result = config = isolate_internal_config_file(options, supervisor, &asks_for_directory, failure);
    if (result >= 0)
        result = image = image_file(options->image, options->image_bytes);
    if (result >= 0) {
        owner = (int)syscall(SYS_pidfd_open, getpid(), 0);
        result = owner < 0 ? -errno : 0;
    }
    if (result >= 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        result = -errno;
    if (result >= 0)
        result = supervisor->pid = isolate_internal_spawn(image, ends[1], owner, config);
    isolate_internal_close(&ends[1]);
    if (result >= 0) {
        supervisor->socket = ends[0];
        ends[0] = -1;
        supervisor->pidfd = (int)syscall(SYS_pidfd_open, supervisor->pid, 0);
        result = supervisor->pidfd < 0 ? -errno : 0;
        if (result == 0 && asks_for_directory)
            result = send_cgroup_directory(supervisor);
        if (result == 0)
            result = wait_until_ready(supervisor, failure);
    }
    isolate_internal_close(&ends[0]);
    if (result < 0) {
        if (failure->stage == 0)
            *failure = isolate_internal_failure(ISOLATE_STAGE_START, -result, ISOLATE_DETAIL_START_PROCESS);
        isolate_supervisor_stop(supervisor);
    }
    return result < 0 ? result : 0;
}

/* No other slot has this number, so a late record about the trial's end is not taken for another slot's. */
#define TRIAL_SLOT UINT32_MAX

/* Makes one cell and ends it: later cells get the same layers. */
static int try_cell(isolate_supervisor *supervisor, isolate_failure *failure) {
    isolate_sandbox trial;
    int result = isolate_internal_sandbox_open(supervisor, TRIAL_SLOT, TRIAL_DISK_BYTES, &trial, failure);
    if (result == 0) {
        supervisor->layers = trial.layers;
        supervisor->level = isolate_level_of(trial.layers);
        isolate_sandbox_close(&trial);
    }
    return result;
}

/* Starts with fewer layers after each refusal: a host that refuses a layer refuses it every time. */
static int start_on_some_rung(const isolate_start_options *options, isolate_supervisor *supervisor,
                              isolate_failure *failure) {
    isolate_start_options attempt = *options;
    isolate_missing missing[ISOLATE_MISSING_MAX];
    char cgroup_reason[sizeof supervisor->cgroup_reason] = "";
    unsigned count = 0;
    for (;;) {
        int result = start_once(&attempt, supervisor, failure);
        if (result == 0)
            result = try_cell(supervisor, failure);
        if (result == 0)
            break;
        uint32_t lost = 0;
        int needs_tree = options->is_writable || options->root != NULL || options->bind_mount_count > 0;
        uint32_t next =
            isolate_internal_next_rung(attempt.avoid, supervisor->id_source, needs_tree, failure, &lost);
        isolate_supervisor_stop(supervisor);
        if (next == attempt.avoid || count == ISOLATE_MISSING_MAX)
            return result;
        if (failure->stage == ISOLATE_STAGE_CGROUP)
            memcpy(cgroup_reason, supervisor->cgroup_reason, sizeof cgroup_reason);
        missing[count++] = (isolate_missing){lost, *failure};
        attempt.avoid = next;
    }
    supervisor->missing_count = count;
    if (cgroup_reason[0] != 0)
        memcpy(supervisor->cgroup_reason, cgroup_reason, sizeof cgroup_reason);
    memcpy(supervisor->missing, missing, sizeof missing);
    return 0;
}

/* Why the level is lower than requested: the last refusal that cost layers, or Landlock's absence. */
static isolate_failure reason_of(const isolate_supervisor *supervisor) {
    if (!(supervisor->layers & ISOLATE_LAYER_RLIMITS))
        return isolate_internal_failure(ISOLATE_STAGE_RLIMITS, EPERM, RLIMIT_NPROC);
    if (supervisor->missing_count > 0)
        return supervisor->missing[supervisor->missing_count - 1].failure;
    return isolate_internal_failure(supervisor->landlock == 0 ? ISOLATE_STAGE_LANDLOCK : ISOLATE_STAGE_CGROUP,
                                    ENOSYS, ISOLATE_DETAIL_LACKING);
}

/* Why there is no network namespace whose lo a program could use. */
static isolate_failure network_reason(const isolate_supervisor *supervisor) {
    int error = EPERM; /* left out by request */
    for (unsigned i = 0; i < supervisor->missing_count; i++)
        if (supervisor->missing[i].layers & ISOLATE_LAYER_NET_NS)
            error = supervisor->missing[i].failure.errno_value;
    return isolate_internal_failure(ISOLATE_STAGE_NETWORK, error, ISOLATE_DETAIL_LACKING);
}

static int start(const isolate_start_options *options, isolate_supervisor *supervisor,
                 isolate_failure *failure) {
    /* Removes what killed owners left. This start does not depend on it. */
    isolate_internal_cleanup_at_start();
    if (options->fail_stage != 0) /* the test needs this failure itself, not an attempt without the layer */
        return start_once(options, supervisor, failure);
    int result = start_on_some_rung(options, supervisor, failure);
    if (result == 0 && options->network == ISOLATE_NETWORK_LOOPBACK &&
        !(supervisor->layers & ISOLATE_LAYER_NET_NS)) {
        *failure = network_reason(supervisor);
        isolate_supervisor_stop(supervisor);
        return -EPERM;
    }
    int least = options->least_level == 0 ? ISOLATE_LEVEL_STANDARD : options->least_level;
    if (result == 0 && supervisor->level < least) {
        *failure = reason_of(supervisor);
        isolate_supervisor_stop(supervisor);
        result = -EPERM;
    }
    return result;
}

int isolate_supervisor_start(const isolate_start_options *options, isolate_supervisor *supervisor,
                             isolate_failure *failure) {
    isolate_start_options complete = *options;
    *supervisor = (isolate_supervisor){.socket = -1, .pidfd = -1, .pid = -1, .owner = getpid()};
    if (complete.image == NULL)
        complete.image = isolate_internal_own_image(&complete.image_bytes);
    if (complete.image == NULL) {
        *failure = isolate_internal_failure(ISOLATE_STAGE_START, ENOEXEC, ISOLATE_DETAIL_START_IMAGE);
        return -ENOEXEC;
    }
    return start(&complete, supervisor, failure);
}

static int ends_within(int pidfd, int timeout_ms) {
    return isolate_internal_wait_readable(pidfd, isolate_internal_now_ms() + (uint64_t)timeout_ms) == 0;
}

int isolate_supervisor_kill(int pidfd) {
    return syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) == 0 || errno == ESRCH ? 0 : -errno;
}

int isolate_supervisor_stop(isolate_supervisor *supervisor) {
    int result = 0;
    if (supervisor->owner != getpid()) {
        /* A fork of the owner closes its copies and ends nothing. */
        isolate_internal_close(&supervisor->socket);
        isolate_internal_close(&supervisor->pidfd);
        return -ECHILD;
    }
    /* The shutdown tells the supervisor to exit, also when a fork of the owner holds a copy of the socket. */
    if (supervisor->socket >= 0)
        shutdown(supervisor->socket, SHUT_RDWR);
    isolate_internal_close(&supervisor->socket);
    if (supervisor->pidfd >= 0) {
        /* A stopped supervisor is continued, since it cleans up more completely than its owner could. */
        syscall(SYS_pidfd_send_signal, supervisor->pidfd, SIGCONT, NULL, 0);
        if (!ends_within(supervisor->pidfd, STOP_TIMEOUT_MS)) {
            /* The supervisor hangs. Its death kills everything below it. */
            isolate_supervisor_kill(supervisor->pidfd);
            ends_within(supervisor->pidfd, STOP_TIMEOUT_MS);
            result = -ETIMEDOUT;
        }
    }
    if (supervisor->pidfd >= 0) {
        siginfo_t info;
        /* If this process is pid 1 or a subreaper, the kernel made it the orphan's parent, so it must reap
         * it. Otherwise this call has no effect. */
        waitid(P_PIDFD, (id_t)supervisor->pidfd, &info, WEXITED | WNOHANG | __WALL);
        int removal = isolate_internal_remove_cgroups(supervisor);
        if (result == 0)
            result = removal;
    }
    isolate_internal_close(&supervisor->pidfd);
    return result;
}
