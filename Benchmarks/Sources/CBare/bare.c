/* Bare processes: posix_spawn, fork with execve, and posix_spawn from many threads. */
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bare.h"

static char *environment[] = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "TZ=UTC", NULL};

static int wait_for(pid_t pid) {
    int status;
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}

static int spawn_and_wait(char *const argv[], const posix_spawn_file_actions_t *actions) {
    pid_t pid;
    return posix_spawn(&pid, argv[0], actions, NULL, argv, environment) ? -1 : wait_for(pid);
}

int bare_spawn(char *const argv[]) {
    return spawn_and_wait(argv, NULL);
}

int bare_spawn_quiet(char *const argv[]) {
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions))
        abort();
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    int status = spawn_and_wait(argv, &actions);
    posix_spawn_file_actions_destroy(&actions);
    return status;
}

int bare_fork(char *const argv[]) {
    pid_t pid = fork();
    if (pid < 0)
        return -1;
    if (pid == 0) {
        execve(argv[0], argv, environment);
        _exit(127);
    }
    return wait_for(pid);
}

/* Starts argv with these ends as its stdin and stdout. */
static pid_t start(char *const argv[], int in, int out) {
    posix_spawn_file_actions_t actions;
    pid_t pid;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    int error = posix_spawn(&pid, argv[0], &actions, NULL, argv, environment);
    posix_spawn_file_actions_destroy(&actions);
    return error ? -1 : pid;
}

int bare_talk(char *const first[], char *const second[]) {
    int there[2], back[2];
    if (pipe2(there, O_CLOEXEC) != 0)
        return -1;
    if (pipe2(back, O_CLOEXEC) != 0) {
        close(there[0]);
        close(there[1]);
        return -1;
    }
    pid_t one = start(first, back[0], there[1]), two = start(second, there[0], back[1]);
    for (int i = 0; i < 2; i++) {
        close(there[i]);
        close(back[i]);
    }
    int failed = one < 0 || wait_for(one) != 0;
    return two < 0 || wait_for(two) != 0 || failed ? -1 : 0;
}

struct crowd {
    char *const *argv;
    posix_spawn_file_actions_t actions;
    int64_t deadline;
    atomic_llong runs;
    atomic_int failures;
};

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static void *spawn_until(void *argument) {
    struct crowd *crowd = argument;
    while (now() < crowd->deadline) {
        if (spawn_and_wait(crowd->argv, &crowd->actions) == 0)
            crowd->runs++;
        else
            crowd->failures++;
    }
    return NULL;
}

int64_t bare_spawn_many(char *const argv[], int threads, int64_t nanoseconds) {
    struct crowd crowd = {.argv = argv};
    pthread_t *ids = calloc(threads, sizeof *ids);
    if (!ids || posix_spawn_file_actions_init(&crowd.actions))
        abort();
    posix_spawn_file_actions_addopen(&crowd.actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    crowd.deadline = now() + nanoseconds;
    int started = 0;
    while (started < threads && !pthread_create(&ids[started], NULL, spawn_until, &crowd))
        started++;
    for (int i = 0; i < started; i++)
        pthread_join(ids[i], NULL);
    posix_spawn_file_actions_destroy(&crowd.actions);
    free(ids);
    return crowd.failures || started < threads ? -1 : crowd.runs;
}
