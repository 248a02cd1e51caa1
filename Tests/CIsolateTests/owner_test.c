/* Which owner a cgroup or a directory has, and whether it lives: from other time and pid namespaces, too. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.h"
#include "leaks.h"
#include "support.h"
#include "test.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

/* Runs the body in a child whose clocks are far ahead; false where this host refuses time namespaces. */
static int in_another_time(int (*body)(pid_t), pid_t argument) {
    pid_t child = fork_child();
    if (child == 0) {
        if (unshare(CLONE_NEWTIME) != 0)
            _exit(100);
        FILE *offsets = fopen("/proc/self/timens_offsets", "we");
        if (offsets == NULL || fprintf(offsets, "boottime 100000 123456789\n") < 0 || fclose(offsets) != 0)
            _exit(100);
        pid_t inside = fork(); /* the first process inside the namespace */
        if (inside == 0)
            _exit(body(argument));
        int status;
        if (waitpid(inside, &status, 0) != inside)
            _exit(101);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 102);
    }
    int status = wait_child(child);
    if (status == 100)
        test_note("skipped: no time namespace of our own");
    else
        CHECK_EQUAL(status, 0);
    return status == 0;
}

TEST(owner_births) {
    enum { KIND = 50 };
    CHECK(isolate_process_birth(getpid()) != 0);
    CHECK_EQUAL(isolate_process_birth(getpid()), isolate_process_birth(getpid()));
    pid_t child = fork_child();
    if (child == 0)
        for (;;)
            pause();
    uint64_t birth = isolate_process_birth(child);
    CHECK(birth != isolate_process_birth(getpid()));
    CHECK(isolate_births_may_match(birth, isolate_process_birth(child)));
    CHECK_OK(kill(child, SIGKILL));
    siginfo_t info;
    CHECK_OK(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT));
    CHECK_EQUAL(isolate_process_birth(child), 0); /* dead, not yet reaped */
    wait_child(child);
    CHECK_EQUAL(isolate_process_birth(child), 0);
    /* Each pidfd number belongs to one process; a clock may lose a tick. Births of different kinds cannot be
     * compared. */
    uint64_t by_pidfd = 1ull << KIND;
    CHECK(isolate_births_may_match(by_pidfd | 7, by_pidfd | 7));
    CHECK(!isolate_births_may_match(by_pidfd | 7, by_pidfd | 8));
    CHECK(isolate_births_may_match(500, 501));
    CHECK(!isolate_births_may_match(500, 502));
    CHECK(isolate_births_may_match(500, by_pidfd | 7));
    CHECK(!isolate_births_may_match(0, 500));
    CHECK(!isolate_births_may_match(0, 0));
}

static uint64_t expected_birth, expected_by_clock;

static int check_births(pid_t pid) {
    if (isolate_process_birth(pid) != expected_birth)
        return 1;
    return isolate_births_may_match(isolate_internal_birth_by_clock(pid), expected_by_clock) ? 0 : 2;
}

TEST(owner_births_in_another_time) {
    expected_birth = isolate_process_birth(getpid());
    expected_by_clock = isolate_internal_birth_by_clock(getpid());
    in_another_time(check_births, getpid());
}

static int clean_up(pid_t unused) {
    (void)unused;
    return isolate_cleanup(NULL, NULL) == 0 ? 0 : 1;
}

/* A cleanup, or another embedder's start, in another namespace does not take a living owner for a dead
 * one. */
TEST(owner_is_not_dead_for_another_time) {
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    start_supervisor(&supervisor);
    open_sandbox(&supervisor, &sandbox);
    in_another_time(clean_up, 0);
    expect_exit(&sandbox, "exit 4", 4);
    isolate_sandbox_close(&sandbox);
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
}

static int ready[2];

static int embed(pid_t unused) {
    (void)unused;
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    start_supervisor(&supervisor);
    open_sandbox(&supervisor, &sandbox);
    CHECK_EQUAL(write(ready[1], "r", 1), 1);
    expect_exit(&sandbox, "sleep 0.5; exit 5", 5);
    isolate_sandbox_close(&sandbox);
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
    return 0;
}

TEST(owner_of_another_time_is_not_dead) {
    CHECK_OK(pipe2(ready, O_CLOEXEC));
    pid_t cleaner = fork_child();
    if (cleaner == 0) {
        char byte;
        close(ready[1]);
        if (read(ready[0], &byte, 1) == 1)
            for (int i = 0; i < 10; i++) {
                CHECK_OK(isolate_cleanup(NULL, NULL));
                sleep_ms(20);
            }
        _exit(0);
    }
    in_another_time(embed, 0);
    close(ready[1]);
    CHECK_EQUAL(wait_child(cleaner), 0);
}

/* ---- the temporary folder ---- */

static int count_entries(const char *path) {
    DIR *list = opendir(path);
    int count = -2; /* . and .. */
    CHECK(list != NULL);
    while (readdir(list) != NULL)
        count++;
    closedir(list);
    return count;
}

/* For many names of dead owners a cleanup takes only the time that it has, and leaves another user's
 * directories alone. */
TEST(owner_names_in_the_temporary_folder) {
    enum { OWN = 3000, FOREIGN = 50 };
    char folder[] = "/tmp/isolate-test-XXXXXX", path[200];
    CHECK(mkdtemp(folder) != NULL);
    CHECK_OK(setenv("TMPDIR", folder, 1));
    pid_t dead = fork();
    if (dead == 0)
        _exit(0);
    CHECK_EQUAL(wait_child(dead), 0);
    int foreign = 0;
    for (int i = 0; i < OWN + FOREIGN; i++) {
        snprintf(path, sizeof path, "%s/swift-sandbox-%lu-%d-b1-%d", folder, isolate_internal_pid_namespace(),
                 (int)dead, i);
        CHECK_OK(mkdir(path, 0700));
        if (i >= OWN && geteuid() == 0) {
            CHECK_OK(chown(path, 12345, 12345));
            foreign++;
        }
    }
    int total = count_entries(folder);
    CHECK_EQUAL(isolate_internal_remove_dead_scratch(isolate_internal_now_ms() - 1, NULL, NULL), -ETIME);
    CHECK_EQUAL(count_entries(folder), total);
    /* With little time a cleanup removes some, and ends. */
    uint64_t start = isolate_internal_now_ms();
    int result = isolate_internal_remove_dead_scratch(start + 5, NULL, NULL);
    CHECK(result == -ETIME || result == total - foreign);
    CHECK(count_entries(folder) < total);
    CHECK(isolate_internal_remove_dead_scratch(isolate_internal_now_ms() + 60000, NULL, NULL) >= 0);
    CHECK_EQUAL(count_entries(folder), foreign);
    for (int i = OWN; i < OWN + foreign; i++) {
        snprintf(path, sizeof path, "%s/swift-sandbox-%lu-%d-b1-%d", folder, isolate_internal_pid_namespace(),
                 (int)dead, i);
        CHECK_OK(rmdir(path));
    }
    CHECK_OK(rmdir(folder));
}
