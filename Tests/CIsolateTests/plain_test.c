/*
 * Level minimal, on a host that would offer more: the replacements for namespaces.
 *
 * Each test runs twice: as root, where slot and program are different users, and as an ordinary user, where
 * they are not, so that the slot finds and kills the program's processes one by one.
 */
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "leaks.h"
#include "support.h"
#include "test.h"

enum { ORDINARY_USER = 1500 };

static char places[64];

/* A directory for TMPDIR, which must be empty at the end. */
static void make_places(void) {
    snprintf(places, sizeof places, "/tmp/plain-test-XXXXXX");
    CHECK(mkdtemp(places) != NULL);
    CHECK_OK(chmod(places, 0777));
    CHECK_OK(setenv("TMPDIR", places, 1));
}

static void remove_places(void) {
    CHECK_OK(rmdir(places));
}

static void become_ordinary(void) {
    CHECK_OK(setgroups(0, NULL));
    CHECK_OK(setresgid(ORDINARY_USER, ORDINARY_USER, ORDINARY_USER));
    CHECK_OK(setresuid(ORDINARY_USER, ORDINARY_USER, ORDINARY_USER));
    CHECK_OK(prctl(PR_SET_DUMPABLE, 1)); /* as for any process of an ordinary user */
    CHECK_OK(prctl(PR_SET_PDEATHSIG, SIGKILL));
}

static isolate_supervisor supervisor;
static isolate_sandbox sandbox;

static void begin(void) {
    isolate_start_options options = start_options(0);
    isolate_failure failure;
    options.avoid = ISOLATE_AVOID_NAMESPACES;
    options.least_level = ISOLATE_LEVEL_MINIMAL;
    int result = isolate_supervisor_start(&options, &supervisor, &failure);
    test_context("stage %s, errno %d", isolate_stage_name(failure.stage), failure.errno_value);
    CHECK_EQUAL(result, 0);
    CHECK_EQUAL(supervisor.level, ISOLATE_LEVEL_MINIMAL);
    CHECK_EQUAL(supervisor.missing_count, 0); /* the host refused nothing */
    CHECK_EQUAL(supervisor.id_source, getuid() == 0 ? ISOLATE_IDS_PRIVILEGED : ISOLATE_IDS_OWN);
    test_context("user %d", (int)getuid());
    open_sandbox(&supervisor, &sandbox);
    write_victim(&sandbox);
}

static void end(void) {
    isolate_sandbox_close(&sandbox);
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
}

/* Prints what a process that should be gone is waiting for. */
static void tell_of(const char *pid) {
    char path[300], state[64], parent[64], place[64] = "";
    read_status_line(atoi(pid), "State", state, sizeof state);
    read_status_line(atoi(pid), "PPid", parent, sizeof parent);
    snprintf(path, sizeof path, "/proc/%s/wchan", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read(fd, place, sizeof place - 1) >= 0)
        close(fd);
    test_context("left: %s, state %s, child of %s, in %s", pid, state, parent, place);
}

/* The run's processes, identified by TMPDIR in their environment. */
static int count_programs(void) {
    DIR *list = opendir("/proc");
    int count = 0;
    CHECK(list != NULL);
    for (struct dirent *entry; (entry = readdir(list)) != NULL;) {
        char path[300], text[4096];
        if (atoi(entry->d_name) <= 0)
            continue;
        snprintf(path, sizeof path, "/proc/%s/environ", entry->d_name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);
        if (fd >= 0)
            close(fd);
        if (n <= 0 || memmem(text, (size_t)n, places, strlen(places)) == NULL)
            continue;
        count++;
        tell_of(entry->d_name);
    }
    closedir(list);
    return count;
}

static void expect_no_programs(unsigned milliseconds) {
    uint64_t until = now_ms() + milliseconds;
    while (count_programs() > 0 && now_ms() < until)
        sleep_ms(10);
    CHECK_EQUAL(count_programs(), 0);
    test_context("%s", "");
}

static void expect_dead(pid_t pid, unsigned milliseconds) {
    uint64_t until = now_ms() + milliseconds;
    char state[32];
    do { /* a zombie waits for the machine's pid 1 */
        read_status_line(pid, "State", state, sizeof state);
        if (state[0] == 0 || state[0] == 'Z' || state[0] == 'X')
            return;
        sleep_ms(10);
    } while (now_ms() < until);
    CHECK_TEXT(state, "dead");
}

static void for_root(void (*body)(void)) {
    make_places();
    body();
    remove_places();
}

/* Runs the body in a child. */
static void for_ordinary_user(void (*body)(void)) {
    make_places();
    pid_t pid = fork_child();
    if (pid == 0) {
        become_ordinary();
        body();
        _exit(0);
    }
    CHECK_EQUAL(wait_child(pid), 0);
    remove_places();
}

static void for_both_users(void (*body)(void)) {
    for_root(body);
    for_ordinary_user(body);
}

static void check_outcomes(void) {
    begin();
    expect_exit(&sandbox, "exit 0", 0);
    expect_exit(&sandbox, "exit 43", 43);
    static const int signals[] = {SIGSEGV, SIGXFSZ, SIGXCPU, SIGKILL, SIGSYS, SIGTERM};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        isolate_result result = run_victim(&sandbox, "signal", signals[i], NULL);
        test_context("signal %d", signals[i]);
        CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_SIGNALED);
        CHECK_EQUAL(result.outcome.value, signals[i]);
        CHECK_EQUAL(result.outcome.limits_hit, 0);
        isolate_result_free(&result);
    }
    isolate_result result = run_victim(&sandbox, "chroot", -1, NULL);
    CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_BLOCKED);
    isolate_result_free(&result);
    const uint32_t namespaces = ISOLATE_LAYER_USER_NS | ISOLATE_LAYER_MOUNT_NS | ISOLATE_LAYER_PID_NS |
                                ISOLATE_LAYER_NET_NS | ISOLATE_LAYER_IPC_NS | ISOLATE_LAYER_UTS_NS |
                                ISOLATE_LAYER_ROOTFS | ISOLATE_LAYER_MASKED_PROC;
    result = run_shell(&sandbox, "id -u; pwd; echo $HOME; echo $TMPDIR", NULL);
    CHECK_EQUAL(result.record.layers & namespaces, 0);
    CHECK_EQUAL((result.record.layers & ISOLATE_LAYER_DISTINCT_UID) != 0, getuid() == 0);
    char expected[512];
    snprintf(expected, sizeof expected, "%u\n", getuid() == 0 ? sandbox.host_uid : getuid());
    CHECK(strncmp(result.output, expected, strlen(expected)) == 0);
    CHECK(strstr(result.output, places) != NULL);
    isolate_result_free(&result);
    end();
}

TEST(plain_outcomes) {
    for_both_users(check_outcomes);
}

static void check_limits(void) {
    begin();
    isolate_sandbox_close(&sandbox);
    for (int i = 0; i < limit_case_count; i++) {
        isolate_limits limits = wide_limits();
        limit_cases[i].tighten(&limits);
        open_sandbox(&supervisor, &sandbox);
        write_victim(&sandbox);
        test_context("user %d, limit %s", (int)getuid(), limit_cases[i].name);
        isolate_result result = run_victim(&sandbox, limit_cases[i].word, limit_cases[i].number, &limits);
        test_context("user %d, limit %s: kind %d, value %d, limit %d", (int)getuid(), limit_cases[i].name,
                     result.outcome.kind, result.outcome.value, result.outcome.limit);
        if (limit_cases[i].limit == ISOLATE_LIMIT_DISK) {
            /* There is no quota: the file's own limit ends the program, and the run reports that it was above
             * the disk limit. */
            CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_LIMIT);
            CHECK(result.outcome.limit == ISOLATE_LIMIT_DISK ||
                  (result.outcome.limits_hit & 1u << ISOLATE_LIMIT_DISK));
        } else {
            CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_LIMIT);
            CHECK_EQUAL(result.outcome.limit, limit_cases[i].limit);
            CHECK_EQUAL(result.outcome.limits_hit, 0);
        }
        isolate_result_free(&result);
        isolate_sandbox_close(&sandbox);
    }
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
}

TEST(plain_limits) {
    for_both_users(check_limits);
}

/* Daemons, and processes in sessions and groups of their own, are dead before the result. */
static void check_survivors(void) {
    begin();
    for (int round = 0; round < 5; round++) {
        isolate_result result = run_shell(&sandbox,
                                          "./victim sleep & (setsid ./victim sleep &) ; (setsid sh -c "
                                          "'./victim sleep & ./victim sleep' &) ; sleep 0.05; exit 3",
                                          NULL);
        CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_EXITED);
        CHECK_EQUAL(result.outcome.value, 3);
        CHECK(result.record.peak_processes >= 4);
        isolate_result_free(&result);
        CHECK_EQUAL(count_programs(), 0);
    }
    end();
}

TEST(plain_survivors_are_dead) {
    for_both_users(check_survivors);
}

/* The limit bounds a fork storm, which ends with the run and does not fork faster than it is killed. */
static void check_storms(void) {
    isolate_limits limits = wide_limits();
    begin();
    limits.processes = 16;
    limits.wall_ns = 500000000;
    for (int round = 0; round < 3; round++) {
        isolate_result result = run_victim(&sandbox, "storm", -1, &limits);
        CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_LIMIT);
        CHECK(result.record.wall_ns < 5000000000); /* before a watchdog ends it */
        /* The kernel counts an ordinary user's other processes, too, so the limit has some room; a run that
         * uses much of it is ended. */
        if (getuid() == 0) {
            CHECK_EQUAL(result.outcome.limit, ISOLATE_LIMIT_WALL_TIME);
            CHECK(result.record.peak_processes <= limits.processes);
        } else {
            CHECK(result.outcome.limit == ISOLATE_LIMIT_PROCESSES ||
                  result.outcome.limit == ISOLATE_LIMIT_WALL_TIME);
            CHECK(result.record.peak_processes <= limits.processes + 64);
        }
        isolate_result_free(&result);
        CHECK_EQUAL(count_programs(), 0);
    }
    /* The same storm, left behind by a program that ends at once. */
    isolate_result result = run_shell(&sandbox, "(setsid ./victim storm &) ; sleep 0.005; exit 5", &limits);
    CHECK(result.outcome.kind == ISOLATE_OUTCOME_LIMIT || result.outcome.value == 5);
    isolate_result_free(&result);
    CHECK_EQUAL(count_programs(), 0);
    expect_exit(&sandbox, "exit 6", 6);
    end();
}

TEST(plain_storms_end) {
    for_both_users(check_storms);
}

/* ---- what the program left in its directories ---- */

static void check_trees(void) {
    static const char *const scripts[] = {
        /* deeper than any path can name */
        "./victim deep 2500",
        /* locked directories, nested, and one that cannot be read */
        "mkdir -p a/b/c/d && echo x > a/b/c/d/f && chmod 0 a/b/c/d a/b/c a/b a; mkdir e && chmod 555 e",
        "i=0; while [ $i -lt 1000 ]; do : > \"f$i\"; i=$((i+1)); done",
        "for i in 1 2 3 4 5 6 7 8; do for j in 1 2 3 4 5 6 7 8; do mkdir -p $i/$j/x/y && : > $i/$j/x/y/z; "
        "done; done; cp -a 1 2 3 \"$TMPDIR\"",
        "mkdir moved-1 moved-2 moved-3 && mkdir moved-1/moved-1 moved-2/moved-1 && : > moved-3/x; mkdir d "
        "d/moved-1 d/moved-1/x",
        "ln -s / root; ln -s .. up; mkfifo fifo; ln -s nowhere dangling; mkdir \"$TMPDIR/x\"; ln -s "
        "\"$HOME\" "
        "\"$TMPDIR/x/home\"",
    };
    isolate_limits limits = wide_limits();
    limits.disk_bytes = 256 << 20; /* an empty directory takes a block, and here no other limit bounds them */
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        begin();
        test_context("user %d, script %zu", (int)getuid(), i);
        isolate_result result = run_shell(&sandbox, scripts[i], &limits);
        test_context("user %d, script %zu: limit %d, %s", (int)getuid(), i, result.outcome.limit,
                     result.error);
        /* A tree that is too deep to be walked counts as too large. */
        int is_too_deep = i == 0 && result.outcome.limit == ISOLATE_LIMIT_DISK;
        CHECK(is_too_deep || (result.outcome.kind == ISOLATE_OUTCOME_EXITED && result.outcome.value == 0));
        isolate_result_free(&result);
        isolate_sandbox_close(&sandbox);
        /* The next sandbox of the same slot finds none of it. */
        open_sandbox(&supervisor, &sandbox);
        write_victim(&sandbox);
        expect_exit(&sandbox, "rm victim; test -z \"$(ls -A .; ls -A \"$TMPDIR\")\"", 0);
        write_victim(&sandbox);
        result = run_shell(&sandbox, scripts[i], &limits);
        isolate_result_free(&result);
        CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0); /* with an open sandbox */
        isolate_sandbox_close(&sandbox);
        DIR *list = opendir(places);
        for (struct dirent *entry; (entry = readdir(list)) != NULL;)
            CHECK(entry->d_name[0] == '.');
        closedir(list);
    }
}

TEST(plain_trees_are_removed) {
    for_root(check_trees);
}

TEST(plain_trees_are_removed_for_an_ordinary_user) {
    for_ordinary_user(check_trees);
}

/* Where the program cannot reach its directories, no sandbox is made, instead of a run that fails later. */
TEST(plain_needs_a_way_to_its_directories) {
    isolate_start_options options = start_options(0);
    isolate_failure failure;
    make_places();
    CHECK_OK(chmod(places, 0700));
    options.avoid = ISOLATE_AVOID_NAMESPACES;
    options.least_level = ISOLATE_LEVEL_MINIMAL;
    CHECK_EQUAL(isolate_supervisor_start(&options, &supervisor, &failure), -EACCES);
    CHECK_TEXT(isolate_stage_name(failure.stage), "scratch");
    CHECK_EQUAL(failure.errno_value, EACCES);
    remove_places();
}

/* Only TMPDIR's disk bounds an ordinary write here: when it was full, that is not the program's failure; when
 * the program was above its own limit, it is. */
static void check_full_disk(void) {
    isolate_limits limits = wide_limits();
    begin();
    limits.disk_bytes = limits.file_size_bytes = 1 << 30;
    isolate_result result;
    isolate_failure failure;
    CHECK_EQUAL(call_victim(&sandbox, "disk", -1, &limits, &result, &failure), -ENOSPC);
    CHECK_TEXT(isolate_stage_name(failure.stage), "run");
    CHECK_EQUAL(failure.index, ISOLATE_DETAIL_RUN_HOST_DISK);
    CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_HOST_DISK);
    limits.disk_bytes = 8 << 20;
    result = run_victim(&sandbox, "disk", -1, &limits);
    CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_LIMIT);
    CHECK_EQUAL(result.outcome.limit, ISOLATE_LIMIT_DISK);
    isolate_result_free(&result);
    expect_exit(&sandbox, "rm full", 0);
    expect_exit(&sandbox, "exit 3", 3);
    end();
}

TEST(plain_full_disk_of_the_host) {
    CHECK_OK(unshare(CLONE_NEWNS));
    CHECK_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    make_places();
    CHECK_OK(mount("full", places, "tmpfs", 0, "size=24m,mode=0777"));
    check_full_disk();
    CHECK_OK(umount(places));
    remove_places();
}

/* ---- deaths ---- */

enum victim_of_kill { KILL_EMBEDDER, KILL_SLOT };

/* An embedder of this user, with a fork storm; then one process is killed. No process of it may survive. */
static void kill_somebody(uid_t user, enum victim_of_kill whom) {
    int ends[2];
    pid_t dying[2];
    make_places();
    test_context("user %d, whom %d", (int)user, whom);
    CHECK_OK(pipe2(ends, O_CLOEXEC));
    pid_t embedder = fork_child();
    if (embedder == 0) {
        struct background_run run;
        if (user != 0)
            become_ordinary();
        begin();
        background_start(&run, &sandbox, "storm");
        uint64_t until = now_ms() + GONE_WITHIN_MS;
        int count = 0; /* alive at one sample; most of them live shortly */
        while ((count = count_programs()) < 3 && now_ms() < until)
            sleep_ms(5);
        CHECK(count >= 3);
        pid_t slot = named_child_of(supervisor.pid, "isolate-slot");
        CHECK(slot > 0);
        dying[0] = supervisor.pid;
        dying[1] = slot;
        CHECK_EQUAL(write(ends[1], dying, sizeof dying), sizeof dying);
        if (whom == KILL_EMBEDDER)
            for (;;)
                pause();
        CHECK_OK(kill(slot, SIGKILL));
        background_join(&run);
        CHECK_EQUAL(run.status, -EPIPE);
        isolate_sandbox_close(&sandbox);
        /* The supervisor lives, and makes other slots. */
        expect_no_programs(GONE_WITHIN_MS);
        open_sandbox(&supervisor, &sandbox);
        expect_exit(&sandbox, "exit 9", 9);
        isolate_sandbox_close(&sandbox);
        CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
        _exit(0);
    }
    struct owner owner = owner_of(embedder);
    CHECK_EQUAL(read(ends[0], dying, sizeof dying), sizeof dying);
    if (whom == KILL_EMBEDDER)
        CHECK_OK(kill(embedder, SIGKILL));
    CHECK_EQUAL(wait_child(embedder), whom == KILL_EMBEDDER ? 256 + SIGKILL : 0);
    expect_no_programs(GONE_WITHIN_MS);
    expect_dead(dying[0], GONE_WITHIN_MS);
    expect_dead(dying[1], GONE_WITHIN_MS);
    expect_nothing_left(&owner, GONE_WITHIN_MS);
    uint64_t until = now_ms() + GONE_WITHIN_MS;
    while (rmdir(places) < 0 && now_ms() < until)
        sleep_ms(10);
    CHECK(access(places, F_OK) < 0);
}

TEST(plain_embedder_killed) {
    kill_somebody(0, KILL_EMBEDDER);
    kill_somebody(ORDINARY_USER, KILL_EMBEDDER);
}

TEST(plain_slot_killed) {
    kill_somebody(0, KILL_SLOT);
    kill_somebody(ORDINARY_USER, KILL_SLOT);
}
