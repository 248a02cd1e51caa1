/* Whichever process dies, and however: within two seconds no process of the library runs and no cgroup is
 * left. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "leaks.h"
#include "support.h"
#include "test.h"

/* An embedder whose sandbox runs `script`; it writes a byte to `ready` after the program's first output. */
static void embed(const char *script, int ready, isolate_supervisor *supervisor) {
    isolate_sandbox sandbox;
    isolate_result result;
    isolate_failure failure;
    isolate_limits limits = wide_limits();
    const char *const arguments[] = {"sh", "-c", script, NULL};
    isolate_command command = {.executable = "sh", .arguments = arguments, .output_bytes = 4096};
    start_supervisor(supervisor);
    open_sandbox(supervisor, &sandbox);
    write_victim(&sandbox);
    CHECK_EQUAL(write(ready, &supervisor->pid, sizeof supervisor->pid), sizeof supervisor->pid);
    isolate_sandbox_run(&sandbox, &command, &limits, &result, &failure);
    for (;;)
        pause();
}

struct embedder {
    pid_t pid, supervisor;
    struct owner owner;
};

/* Returns when the program and its children run in the sandbox: the supervisor, a slot, a seat, an init, and
 * three processes. */
static struct embedder start_embedder(const char *script, int least_processes) {
    struct embedder embedder;
    isolate_supervisor supervisor;
    int ends[2];
    CHECK_OK(pipe2(ends, O_CLOEXEC));
    embedder.pid = fork_child();
    if (embedder.pid == 0) {
        setpgid(0, 0);
        /* A script's background jobs, and so their children, ignore SIGINT. */
        signal(SIGINT, SIG_DFL);
        embed(script, ends[1], &supervisor);
    }
    embedder.owner = owner_of(embedder.pid);
    CHECK_EQUAL(read(ends[0], &embedder.supervisor, sizeof(pid_t)), sizeof(pid_t));
    close(ends[0]);
    close(ends[1]);
    uint64_t end = now_ms() + GONE_WITHIN_MS;
    while (owner_processes(&embedder.owner) < least_processes) {
        if (now_ms() > end)
            CHECK_EQUAL(owner_processes(&embedder.owner), least_processes);
        sleep_ms(10);
    }
    return embedder;
}

static const char sleepers[] = "sleep 100 & sleep 100";
static const char storm[] = "exec ./victim storm";
enum { SLEEPER_PROCESSES = 7, STORM_PROCESSES = 8 };

static void kill_embedder(const char *script, int processes, int signal) {
    struct embedder embedder = start_embedder(script, processes);
    CHECK_OK(kill(embedder.pid, signal));
    uint64_t start = now_ms();
    CHECK_EQUAL(wait_child(embedder.pid), 256 + signal);
    expect_nothing_left(&embedder.owner, GONE_WITHIN_MS);
    CHECK(now_ms() - start < GONE_WITHIN_MS);
}

TEST(deaths_embedder_killed_while_programs_sleep) {
    kill_embedder(sleepers, SLEEPER_PROCESSES, SIGKILL);
}

TEST(deaths_embedder_killed_while_programs_fork) {
    kill_embedder(storm, STORM_PROCESSES, SIGKILL);
}

TEST(deaths_embedder_aborts) {
    kill_embedder(sleepers, SLEEPER_PROCESSES, SIGTERM);
}

/* Ctrl-C signals a process group: the supervisor is not in it, but does not outlive its owner. */
TEST(deaths_control_c) {
    struct embedder embedder = start_embedder(sleepers, SLEEPER_PROCESSES);
    CHECK_OK(kill(-embedder.pid, SIGINT));
    CHECK_EQUAL(wait_child(embedder.pid), 256 + SIGINT);
    expect_nothing_left(&embedder.owner, GONE_WITHIN_MS);
}

static volatile int interrupted;

static void note_interrupt(int signal) {
    (void)signal;
    interrupted = 1;
}

/* When an embedder survives Ctrl-C, its run continues. */
TEST(deaths_control_c_survived) {
    pid_t embedder = fork_child();
    if (embedder == 0) {
        isolate_supervisor supervisor;
        isolate_sandbox sandbox;
        setpgid(0, 0);
        struct sigaction action = {.sa_handler = note_interrupt};
        sigaction(SIGINT, &action, NULL);
        start_supervisor(&supervisor);
        open_sandbox(&supervisor, &sandbox);
        expect_exit(&sandbox, "sleep 1; exit 4", 4);
        CHECK(interrupted);
        use_supervisor(&supervisor);
        isolate_sandbox_close(&sandbox);
        CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
        _exit(0);
    }
    struct owner owner = owner_of(embedder);
    uint64_t end = now_ms() + GONE_WITHIN_MS;
    while (owner_processes(&owner) < 6 && now_ms() < end)
        sleep_ms(10);
    CHECK_OK(kill(-embedder, SIGINT));
    CHECK_EQUAL(wait_child(embedder), 0);
    expect_nothing_left(&owner, GONE_WITHIN_MS);
}

/* The embedder calls exit() without stopping the supervisor. */
TEST(deaths_embedder_exits) {
    pid_t embedder = fork_child();
    if (embedder == 0) {
        isolate_supervisor supervisor;
        isolate_sandbox sandbox;
        struct background_run run;
        start_supervisor(&supervisor);
        open_sandbox(&supervisor, &sandbox);
        write_victim(&sandbox);
        background_start(&run, &sandbox, "storm");
        sleep_ms(50);
        _exit(3);
    }
    struct owner owner = owner_of(embedder);
    CHECK_EQUAL(wait_child(embedder), 3);
    expect_nothing_left(&owner, GONE_WITHIN_MS);
}

/* exec closes the sockets: the new program owns no sandboxes. */
TEST(deaths_embedder_execs) {
    pid_t embedder = fork_child();
    if (embedder == 0) {
        isolate_supervisor supervisor;
        isolate_sandbox sandbox;
        start_supervisor(&supervisor);
        open_sandbox(&supervisor, &sandbox);
        execl("/bin/sleep", "sleep", "20", NULL);
        _exit(1);
    }
    struct owner owner = owner_of(embedder);
    uint64_t end = now_ms() + GONE_WITHIN_MS;
    char name[32] = "";
    while (strcmp(name, "sleep") != 0 && now_ms() < end) {
        sleep_ms(5);
        read_status_line(embedder, "Name", name, sizeof name);
    }
    CHECK_TEXT(name, "sleep");
    expect_nothing_left(&owner, GONE_WITHIN_MS);
    CHECK_OK(kill(embedder, SIGKILL));
    CHECK_EQUAL(wait_child(embedder), 256 + SIGKILL);
}

/* The supervisor or the slot dies during a run: the run's call soon returns with an error. */
static void kill_under_run(const char *word, int is_supervisor) {
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    struct background_run run;
    start_supervisor(&supervisor);
    open_sandbox(&supervisor, &sandbox);
    write_victim(&sandbox);
    struct owner owner = owner_of(getpid());
    pid_t target = is_supervisor ? supervisor.pid : child_of(supervisor.pid);
    CHECK(target > 0);
    background_start(&run, &sandbox, word);
    sleep_ms(100);
    uint64_t start = now_ms();
    CHECK_OK(kill(target, SIGKILL));
    background_join(&run);
    CHECK(now_ms() - start < GONE_WITHIN_MS);
    CHECK_EQUAL(run.status, -EPIPE);
    CHECK(run.failure.stage != 0);
    isolate_failure failure;
    CHECK(isolate_sandbox_write(&sandbox, "x", "x", 1, 0, &failure) < 0);
    CHECK(failure.stage != 0);
    if (is_supervisor)
        expect_no_processes(&owner, GONE_WITHIN_MS);
    isolate_sandbox other;
    int opened = isolate_sandbox_open(&supervisor, 1 << 20, &other, &failure);
    CHECK_EQUAL(opened, is_supervisor ? -EPIPE : 0);
    if (opened == 0)
        CHECK_EQUAL(isolate_sandbox_close(&other), 0);
    CHECK_EQUAL(isolate_sandbox_close(&sandbox), is_supervisor ? -EPIPE : 0);
    if (is_supervisor)
        CHECK_EQUAL(isolate_supervisor_kill(supervisor.pidfd), 0); /* it is dead already */
    CHECK_EQUAL(isolate_supervisor_kill(-1), -EBADF);
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
    expect_nothing_left(&owner, GONE_WITHIN_MS);
}

TEST(deaths_supervisor_killed_under_a_run) {
    kill_under_run("sleep", 1);
}

TEST(deaths_supervisor_killed_under_a_storm) {
    kill_under_run("storm", 1);
}

TEST(deaths_slot_killed_under_a_run) {
    kill_under_run("sleep", 0);
}

TEST(deaths_slot_killed_under_a_storm) {
    kill_under_run("storm", 0);
}

/* In a fork of the embedder every call fails, and the fork's end has no effect on the embedder. */
static int calls_in_a_fork(isolate_supervisor *supervisor, isolate_sandbox *sandbox) {
    isolate_failure failure;
    isolate_slot_record record;
    isolate_sandbox other;
    isolate_result result;
    isolate_limits limits = wide_limits();
    size_t size;
    char byte;
    int fds[2];
    CHECK_EQUAL(isolate_slot_create(supervisor, 77), -ECHILD);
    CHECK_EQUAL(isolate_slot_destroy(supervisor, 1), -ECHILD);
    CHECK_EQUAL(isolate_sandbox_open(supervisor, 1 << 20, &other, &failure), -ECHILD);
    test_context("in a fork: these take records that belong to the owner");
    CHECK_EQUAL(isolate_supervisor_receive(supervisor, &record, fds), -ECHILD);
    CHECK_EQUAL(isolate_sandbox_write(sandbox, "x", "x", 1, 0, &failure), -ECHILD);
    CHECK_EQUAL(isolate_sandbox_read(sandbox, "x", &byte, 1, &size, &failure), -ECHILD);
    CHECK_EQUAL(call_victim(sandbox, "exit", 0, &limits, &result, &failure), -ECHILD);
    test_context("%s", "");
    isolate_sandbox_close(sandbox);
    CHECK_EQUAL(isolate_supervisor_stop(supervisor), -ECHILD);
    return 0;
}

TEST(deaths_fork_of_the_embedder) {
    struct snapshot *before = snapshot_take();
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    start_supervisor(&supervisor);
    open_sandbox(&supervisor, &sandbox);
    write_victim(&sandbox);
    pid_t child = fork_child();
    if (child == 0)
        _exit(calls_in_a_fork(&supervisor, &sandbox));
    CHECK_EQUAL(wait_child(child), 0);
    expect_exit(&sandbox, "exit 6", 6);
    use_supervisor(&supervisor);
    isolate_sandbox_close(&sandbox);
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
    snapshot_check(before);
}

/* A fork that lives on has copies of the sockets; isolate_supervisor_stop does not wait for its end. */
TEST(deaths_stop_despite_a_fork_that_lives_on) {
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    start_supervisor(&supervisor);
    open_sandbox(&supervisor, &sandbox);
    pid_t child = fork_child();
    if (child == 0)
        for (;;)
            pause();
    struct owner owner = owner_of(getpid());
    uint64_t start = now_ms();
    isolate_sandbox_close(&sandbox);
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
    CHECK(now_ms() - start < GONE_WITHIN_MS);
    expect_nothing_left(&owner, GONE_WITHIN_MS);
    CHECK_OK(kill(child, SIGKILL));
    CHECK_EQUAL(wait_child(child), 256 + SIGKILL);
}

/* The same when the embedder itself is killed: its fork is not the owner. */
TEST(deaths_embedder_killed_despite_a_fork_that_lives_on) {
    int ends[2];
    pid_t forked;
    CHECK_OK(pipe2(ends, O_CLOEXEC));
    pid_t embedder = fork_child();
    if (embedder == 0) {
        isolate_supervisor supervisor;
        isolate_sandbox sandbox;
        start_supervisor(&supervisor);
        open_sandbox(&supervisor, &sandbox);
        pid_t child = fork();
        if (child == 0) {
            alarm(20);
            for (;;)
                pause();
        }
        CHECK_EQUAL(write(ends[1], &child, sizeof child), sizeof child);
        for (;;)
            pause();
    }
    struct owner owner = owner_of(embedder);
    CHECK_EQUAL(read(ends[0], &forked, sizeof forked), sizeof forked);
    CHECK_OK(kill(embedder, SIGKILL));
    CHECK_EQUAL(wait_child(embedder), 256 + SIGKILL);
    expect_nothing_left(&owner, GONE_WITHIN_MS);
    CHECK_OK(kill(forked, SIGKILL));
}

static long oom_score_adj(pid_t pid) {
    char path[64], text[32] = "";
    snprintf(path, sizeof path, "/proc/%d/oom_score_adj", (int)pid);
    FILE *file = fopen(path, "re");
    CHECK(file != NULL && fgets(text, sizeof text, file) != NULL);
    fclose(file);
    return strtol(text, NULL, 10);
}

/* A program may lower its own value again: a seat with a higher one would then be killed in its place, and
 * the sandbox's next run with it. */
TEST(only_the_program_is_preferred_by_the_oom_killer) {
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    start_supervisor(&supervisor);
    open_sandbox(&supervisor, &sandbox);
    pid_t slot = named_child_of(supervisor.pid, "isolate-slot");
    long own = oom_score_adj(getpid());
    CHECK_EQUAL(oom_score_adj(slot), own);
    CHECK_EQUAL(oom_score_adj(named_child_of(slot, "seat")), own);
    expect_exit(&sandbox, "read value </proc/self/oom_score_adj; test $value = 500", 0);
    CHECK_OK(isolate_sandbox_close(&sandbox));
    CHECK_OK(isolate_supervisor_stop(&supervisor));
}
