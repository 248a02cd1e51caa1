/* Embedders in unusual conditions: threads that end, ignored signals, wait loops, pid 1, few or no
 * descriptors. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.h"
#include "leaks.h"
#include "support.h"
#include "test.h"

static void *start_in_thread(void *argument) {
    start_supervisor(argument);
    return NULL;
}

TEST(lifetime_starting_thread_exits) {
    struct snapshot *before = snapshot_take();
    isolate_supervisor supervisor;
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, NULL, start_in_thread, &supervisor), 0);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
    sleep_ms(50);
    use_supervisor(&supervisor);
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
    snapshot_check(before);
}

static void set_action(int signal, void (*handler)(int), int flags) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    CHECK_OK(sigaction(signal, &action, NULL));
}

TEST(lifetime_sigchld_ignored) {
    set_action(SIGCHLD, SIG_IGN, 0);
    struct snapshot *before = snapshot_take();
    use_once();
    snapshot_check(before);
}

static volatile int sigchld_count;

static void count_sigchld(int signal) {
    (void)signal;
    sigchld_count++;
}

TEST(lifetime_sigchld_without_wait) {
    set_action(SIGCHLD, count_sigchld, SA_NOCLDWAIT | SA_RESTART);
    struct snapshot *before = snapshot_take();
    use_once();
    snapshot_check(before);
    CHECK_EQUAL(sigchld_count, 0);
}

struct wait_loop {
    volatile int is_over, seen;
};

static void *wait_for_anything(void *argument) {
    struct wait_loop *loop = argument;
    while (!loop->is_over) {
        int status;
        pid_t pid = waitpid(-1, &status, 0);
        if (pid > 0)
            loop->seen = pid;
        else if (errno == ECHILD)
            usleep(20);
    }
    return NULL;
}

TEST(lifetime_wait_loop_sees_nothing) {
    struct wait_loop loop = {0, 0};
    pthread_t thread;
    set_action(SIGCHLD, count_sigchld, 0);
    struct snapshot *before = snapshot_take();
    CHECK_EQUAL(pthread_create(&thread, NULL, wait_for_anything, &loop), 0);
    for (int i = 0; i < 20; i++)
        use_once();
    loop.is_over = 1;
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
    CHECK_EQUAL(loop.seen, 0);
    CHECK_EQUAL(sigchld_count, 0);
    snapshot_check(before);
}

/* As pid 1 of a container, which becomes the parent of orphans. */
static void be_pid_one(int unused) {
    (void)unused;
    use_once();
    use_once();
    /* The supervisor was an orphan, so this process became its parent; isolate_supervisor_stop must have
     * reaped it. */
    errno = 0;
    CHECK_EQUAL(waitpid(-1, NULL, WNOHANG | __WALL), -1);
    CHECK_EQUAL(errno, ECHILD);
}

/* Runs the body as pid 1 of a new pid namespace with its own /proc. Returns the child that waits for it. */
static pid_t run_as_pid_one(void (*body)(int), int argument) {
    pid_t outside = fork_child();
    if (outside == 0) {
        CHECK_OK(unshare(CLONE_NEWPID | CLONE_NEWNS));
        pid_t inside = fork();
        if (inside == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            CHECK_EQUAL(getpid(), 1);
            CHECK_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
            CHECK_OK(mount("proc", "/proc", "proc", 0, NULL));
            body(argument);
            _exit(0);
        }
        _exit(wait_child(inside));
    }
    return outside;
}

TEST(lifetime_embedder_is_pid_1) {
    CHECK_EQUAL(wait_child(run_as_pid_one(be_pid_one, 0)), 0);
}

/* The same for an embedder that is a subreaper. */
TEST(lifetime_embedder_is_a_subreaper) {
    CHECK_OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
    struct snapshot *before = snapshot_take();
    use_once();
    snapshot_check(before);
}

static void run_half_a_second(int ready) {
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    start_supervisor(&supervisor);
    open_sandbox(&supervisor, &sandbox);
    CHECK_EQUAL(write(ready, "r", 1), 1);
    expect_exit(&sandbox, "sleep 0.5; exit 5", 5);
    isolate_sandbox_close(&sandbox);
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
}

/* An embedder in another pid namespace with the same cgroups does not count as dead, although its pid is
 * unknown here. */
TEST(lifetime_cleanup_spares_other_pid_namespaces) {
    int ends[2];
    char byte;
    CHECK_OK(pipe2(ends, O_CLOEXEC));
    pid_t embedder = run_as_pid_one(run_half_a_second, ends[1]);
    CHECK_EQUAL(read(ends[0], &byte, 1), 1);
    for (int i = 0; i < 10; i++) {
        CHECK_OK(isolate_cleanup(NULL, NULL));
        sleep_ms(20);
    }
    CHECK_EQUAL(wait_child(embedder), 0);
}

static void run_for_ever(int ready) {
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    start_supervisor(&supervisor);
    open_sandbox(&supervisor, &sandbox);
    uint64_t birth = isolate_process_birth(getpid());
    CHECK_EQUAL(write(ready, &birth, sizeof birth), sizeof birth);
    for (;;)
        pause();
}

/* When pid 1 dies, all processes of its pid namespace die, so none removes the cgroups. The next cleanup
 * removes them once they have been empty for a while; while the owner lives they are not empty. */
TEST(lifetime_cleanup_after_pid_1) {
    int ends[2];
    uint64_t birth;
    struct owner owner;
    CHECK_OK(pipe2(ends, O_CLOEXEC));
    pid_t embedder = run_as_pid_one(run_for_ever, ends[1]);
    CHECK_EQUAL(read(ends[0], &birth, sizeof birth), sizeof birth);
    snprintf(owner.key, sizeof owner.key, "-1-b%llu-", (unsigned long long)birth);
    int count = owner_cgroups(&owner);
    CHECK(count > 0);
    isolate_internal_abandoned_after_s = 0;
    CHECK_OK(isolate_cleanup(NULL, NULL));
    CHECK_EQUAL(owner_cgroups(&owner), count);
    CHECK_OK(kill(embedder, SIGKILL));
    CHECK_EQUAL(wait_child(embedder), 256 + SIGKILL);
    expect_no_processes(&owner, 4000);
    CHECK_EQUAL(owner_cgroups(&owner), count);
    isolate_internal_abandoned_after_s = 3600;
    CHECK_OK(isolate_cleanup(NULL, NULL));
    CHECK_EQUAL(owner_cgroups(&owner), count);
    isolate_internal_abandoned_after_s = 0;
    /* The kernel may not have finished with the dead processes: a cleanup leaves cgroups that are not empty
     * to the next one. */
    for (int attempt = 0; attempt < 100 && owner_cgroups(&owner) > 0; attempt++) {
        CHECK_OK(isolate_cleanup(NULL, NULL));
        usleep(50000);
    }
    CHECK_EQUAL(owner_cgroups(&owner), 0);
}

TEST(lifetime_small_descriptor_limit) {
    struct rlimit before, small;
    CHECK_OK(getrlimit(RLIMIT_NOFILE, &before));
    int open_now = descriptor_count(), succeeded = 0;
    for (rlim_t limit = (rlim_t)open_now; limit < (rlim_t)open_now + 60; limit++) {
        isolate_supervisor supervisor;
        isolate_sandbox sandbox;
        isolate_failure failure;
        isolate_start_options options = start_options(0);
        test_context("limit %d", (int)limit);
        small = (struct rlimit){limit, before.rlim_max};
        CHECK_OK(setrlimit(RLIMIT_NOFILE, &small));
        int result = isolate_supervisor_start(&options, &supervisor, &failure);
        int stage = failure.stage, error = failure.errno_value;
        if (result == 0) {
            CHECK(supervisor.pidfd >= 0);
            result = isolate_sandbox_open(&supervisor, 1 << 20, &sandbox, &failure);
            stage = failure.stage, error = failure.errno_value;
            if (result == 0) {
                isolate_result run;
                isolate_limits limits = wide_limits();
                const char *const arguments[] = {"true", NULL};
                isolate_command command = {.executable = "true", .arguments = arguments};
                result = isolate_sandbox_run(&sandbox, &command, &limits, &run, &failure);
                stage = failure.stage, error = failure.errno_value;
                if (result == 0)
                    isolate_result_free(&run);
                isolate_sandbox_close(&sandbox);
            }
            isolate_supervisor_stop(&supervisor);
        }
        CHECK_OK(setrlimit(RLIMIT_NOFILE, &before));
        CHECK_EQUAL(descriptor_count(), open_now);
        if (result < 0) {
            CHECK(stage != 0);
            CHECK(error != 0);
        }
        succeeded += result == 0 && stage == 0;
    }
    test_context("%s", "");
    test_note("with 0 to 59 free descriptors: %d of 60 succeeded", succeeded);
    CHECK(succeeded > 0);
}

TEST(lifetime_closed_standard_descriptors) {
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    for (int fd = 0; fd < 3; fd++)
        CHECK_OK(close(fd));
    start_supervisor(&supervisor);
    open_sandbox(&supervisor, &sandbox);
    write_victim(&sandbox);
    isolate_result result = run_shell(&sandbox, "echo out; echo err >&2; cat; exit 9", NULL);
    CHECK_EQUAL(result.outcome.value, 9);
    CHECK_TEXT(result.output, "out\n");
    CHECK_TEXT(result.error, "err\n");
    isolate_result_free(&result);
    isolate_sandbox_close(&sandbox);
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
    for (int fd = 0; fd < 3; fd++)
        CHECK_EQUAL(fcntl(fd, F_GETFD), -1);
}

/* Signals that the embedder has blocked or ignored, and its descriptors and settings, do not reach the
 * program. */
TEST(lifetime_program_starts_clean) {
    sigset_t all;
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    for (int signal = 1; signal < 65; signal++)
        if (signal != SIGKILL && signal != SIGSTOP && signal != 32 && signal != 33)
            set_action(signal, SIG_IGN, 0);
    sigfillset(&all);
    CHECK_OK(sigprocmask(SIG_SETMASK, &all, NULL));
    umask(077);
    for (int i = 0; i < 20; i++) /* not close-on-exec */
        CHECK_OK(dup(0));
    start_supervisor(&supervisor);
    open_sandbox(&supervisor, &sandbox);
    write_victim(&sandbox);
    isolate_result result = run_victim(&sandbox, "status", -1, NULL);
    CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_EXITED);
    CHECK_TEXT(result.output, "Umask:\t0022\n"
                              "SigPnd:\t0000000000000000\n"
                              "SigBlk:\t0000000000000000\n"
                              "SigIgn:\t0000000000000000\n"
                              "SigCgt:\t0000000000000000\n"
                              "fd 0\nfd 1\nfd 2\n");
    isolate_result_free(&result);
    isolate_sandbox_close(&sandbox);
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
}

/* The supervisor inherits nothing of the embedder's environment. */
TEST(lifetime_supervisor_starts_clean) {
    isolate_supervisor supervisor;
    char path[64], text[256];
    CHECK_OK(chdir("/tmp"));
    CHECK_OK(setenv("SECRET", "1", 1));
    umask(077);
    int inherited = dup(0);
    CHECK_OK(inherited);
    start_supervisor(&supervisor);

    snprintf(path, sizeof path, "/proc/%d/environ", (int)supervisor.pid);
    int environment = open(path, O_RDONLY | O_CLOEXEC);
    CHECK_OK(environment);
    CHECK_EQUAL(read(environment, text, sizeof text), 0);
    close(environment);

    snprintf(path, sizeof path, "/proc/%d/cwd", (int)supervisor.pid);
    ssize_t n = readlink(path, text, sizeof text - 1);
    CHECK_EQUAL(n, 1);
    CHECK_EQUAL(text[0], '/');

    static const char *const lines[][2] = {{"Umask", "0022"},
                                           {"SigBlk", "0000000000000000"},
                                           {"SigIgn", "0000000000000000"},
                                           {"SigCgt", "0000000000000000"},
                                           {"Threads", "1"}};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        test_context("%s", lines[i][0]);
        read_status_line(supervisor.pid, lines[i][0], text, sizeof text);
        CHECK_TEXT(text, lines[i][1]);
    }
    CHECK_EQUAL(getsid(supervisor.pid), supervisor.pid);
    CHECK_EQUAL(getpgid(supervisor.pid), supervisor.pid);
    CHECK(getsid(0) != supervisor.pid);
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
}

/* One supervisor, four threads, each with its own sandboxes, as the header permits. */
static void *use_in_thread(void *argument) {
    for (int i = 0; i < 8; i++)
        use_supervisor(argument);
    return NULL;
}

TEST(lifetime_four_threads_share_a_supervisor) {
    struct snapshot *before = snapshot_take();
    isolate_supervisor supervisor;
    pthread_t threads[4];
    start_supervisor(&supervisor);
    uint64_t start = now_ms();
    for (int i = 0; i < 4; i++)
        CHECK_EQUAL(pthread_create(&threads[i], NULL, use_in_thread, &supervisor), 0);
    for (int i = 0; i < 4; i++)
        CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
    CHECK(now_ms() - start < 60000);
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
    snapshot_check(before);
}

/* A slot dies while another one is being opened: closing it does not wait for the record, which has already
 * arrived. */
TEST(lifetime_close_after_a_slot_died) {
    isolate_supervisor supervisor;
    isolate_sandbox first, second;
    start_supervisor(&supervisor);
    open_sandbox(&supervisor, &first);
    CHECK_OK(kill(child_of(supervisor.pid), SIGKILL));
    sleep_ms(100);
    open_sandbox(&supervisor, &second);
    uint64_t start = now_ms();
    isolate_sandbox_close(&first);
    CHECK(now_ms() - start < GONE_WITHIN_MS);
    expect_exit(&second, "exit 2", 2);
    isolate_sandbox_close(&second);
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
}
