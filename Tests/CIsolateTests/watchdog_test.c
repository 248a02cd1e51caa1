/* A process that does not answer is killed: slots and supervisors that the test stopped, at every kind of
 * wait. */
#include <errno.h>
#include <signal.h>

#include "leaks.h"
#include "support.h"
#include "test.h"

enum { ANSWER_MS = 400, GRACE_MS = 400, WALL_MS = 300, SOON_MS = 20000 };

static void start_impatient(isolate_supervisor *supervisor) {
    isolate_start_options options = start_options(0);
    isolate_failure failure;
    CHECK_OK(isolate_supervisor_start(&options, supervisor, &failure));
    /* Not for the start itself, which makes a trial cell on a host that may be busy. */
    supervisor->answer_timeout_ms = ANSWER_MS;
    supervisor->grace_ms = GRACE_MS;
}

static void expect_watchdog(int status, const isolate_failure *failure, int who) {
    CHECK_EQUAL(status, -ETIMEDOUT);
    CHECK_TEXT(isolate_stage_name(failure->stage), "watchdog");
    CHECK_EQUAL(failure->errno_value, ETIMEDOUT);
    CHECK_EQUAL(failure->index, who);
}

/* Other sandboxes are served, and the one that was given up is gone. */
static void finish(isolate_supervisor *supervisor, isolate_sandbox *sandbox) {
    struct owner owner = owner_of(getpid());
    isolate_failure failure;
    CHECK(isolate_sandbox_write(sandbox, "x", "x", 1, 0, &failure) < 0);
    isolate_sandbox_close(sandbox);
    supervisor->answer_timeout_ms = ISOLATE_ANSWER_TIMEOUT_MS;
    use_supervisor(supervisor);
    CHECK_EQUAL(isolate_supervisor_stop(supervisor), 0);
    expect_nothing_left(&owner, GONE_WITHIN_MS);
}

TEST(watchdog_a_stopped_slot_and_a_question) {
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    isolate_failure failure;
    start_impatient(&supervisor);
    open_sandbox(&supervisor, &sandbox);
    CHECK_OK(kill(child_of(supervisor.pid), SIGSTOP));
    int status = isolate_sandbox_write(&sandbox, "file", "x", 1, 0, &failure);
    expect_watchdog(status, &failure, ISOLATE_WATCHDOG_ANSWER);
    finish(&supervisor, &sandbox);
}

TEST(watchdog_a_stopped_slot_and_another_disk) {
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    isolate_failure failure;
    isolate_result result;
    isolate_limits limits = wide_limits();
    start_impatient(&supervisor);
    open_sandbox(&supervisor, &sandbox);
    write_victim(&sandbox);
    limits.disk_bytes /= 2;
    CHECK_OK(kill(child_of(supervisor.pid), SIGSTOP));
    int status = call_victim(&sandbox, "exit", 0, &limits, &result, &failure);
    expect_watchdog(status, &failure, ISOLATE_WATCHDOG_ANSWER);
    finish(&supervisor, &sandbox);
}

/* Before the run or during it, with a program that ends and one that would not. */
static void stop_under_run(const char *word, int is_before) {
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    struct background_run run;
    isolate_limits limits = wide_limits();
    limits.wall_ns = WALL_MS * 1000000ull;
    start_impatient(&supervisor);
    open_sandbox(&supervisor, &sandbox);
    write_victim(&sandbox);
    pid_t slot = child_of(supervisor.pid);
    uint64_t start = now_ms();
    if (is_before)
        CHECK_OK(kill(slot, SIGSTOP));
    background_start_limited(&run, &sandbox, word, &limits);
    if (!is_before) {
        sleep_ms(100);
        CHECK_OK(kill(slot, SIGSTOP));
    }
    background_join(&run);
    test_context("%s", word);
    expect_watchdog(run.status, &run.failure, ISOLATE_WATCHDOG_RUN);
    CHECK(now_ms() - start >= WALL_MS + GRACE_MS);
    CHECK(now_ms() - start < SOON_MS);
    finish(&supervisor, &sandbox);
}

TEST(watchdog_a_slot_stopped_before_a_run) {
    stop_under_run("exit", 1);
}

TEST(watchdog_a_slot_stopped_under_a_run) {
    stop_under_run("sleep", 0);
}

/* A supervisor that hangs as well is killed; the call gets its answer, and isolate_supervisor_stop cleans
 * up. */
TEST(watchdog_a_stopped_supervisor_and_its_slot) {
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    isolate_failure failure;
    struct owner owner = owner_of(getpid());
    start_impatient(&supervisor);
    open_sandbox(&supervisor, &sandbox);
    pid_t slot = child_of(supervisor.pid);
    CHECK_OK(kill(supervisor.pid, SIGSTOP));
    CHECK_OK(kill(slot, SIGSTOP));
    int status = isolate_sandbox_write(&sandbox, "file", "x", 1, 0, &failure);
    expect_watchdog(status, &failure, ISOLATE_WATCHDOG_ANSWER);
    expect_no_processes(&owner, 2000);
    isolate_sandbox other;
    CHECK(isolate_sandbox_open(&supervisor, 1 << 20, &other, &failure) < 0);
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
    expect_nothing_left(&owner, GONE_WITHIN_MS);
}

TEST(watchdog_a_stopped_supervisor_makes_nothing) {
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    isolate_failure failure;
    struct owner owner = owner_of(getpid());
    start_impatient(&supervisor);
    CHECK_OK(kill(supervisor.pid, SIGSTOP));
    int status = isolate_sandbox_open(&supervisor, 1 << 20, &sandbox, &failure);
    expect_watchdog(status, &failure, ISOLATE_WATCHDOG_SUPERVISOR);
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
    expect_nothing_left(&owner, GONE_WITHIN_MS);
}

/* isolate_supervisor_stop does not wait for a stopped supervisor. */
TEST(watchdog_a_stop_of_what_is_stopped) {
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    struct owner owner = owner_of(getpid());
    start_supervisor(&supervisor);
    open_sandbox(&supervisor, &sandbox);
    CHECK_OK(kill(child_of(supervisor.pid), SIGSTOP));
    CHECK_OK(kill(supervisor.pid, SIGSTOP));
    uint64_t start = now_ms();
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
    CHECK(now_ms() - start < SOON_MS);
    isolate_sandbox_close(&sandbox);
    expect_nothing_left(&owner, GONE_WITHIN_MS);
}
