#define _GNU_SOURCE
#include "cspawn.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

_Static_assert(CSPAWN_O_PATH == O_PATH, "the header's O_PATH");

int cspawn_open_beneath(int directory, const char *path, int flags) {
    struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC),
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

int cspawn_pipe(int ends[2], int ours) {
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    return fcntl(ends[ours], F_SETFL, O_NONBLOCK);
}

/* Returns 0 or an error number, as all of posix_spawn does. */
static int spawn(int *pid, const char *path, char *const arguments[], char *const variables[],
                 const char *directory, const int descriptors[3]) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int error = posix_spawn_file_actions_init(&actions);
    if (error)
        return error;
    error = posix_spawnattr_init(&attributes);
    if (error) {
        posix_spawn_file_actions_destroy(&actions);
        return error;
    }
    sigemptyset(&none);
    sigfillset(&all);
    for (int i = 0; i < 3 && !error; i++)
        error = posix_spawn_file_actions_adddup2(&actions, descriptors[i], i);
    if (!error)
        error = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    if (!error)
        error = posix_spawn_file_actions_addchdir_np(&actions, directory);
    if (!error)
        error = posix_spawnattr_setsigmask(&attributes, &none);
    if (!error)
        error = posix_spawnattr_setsigdefault(&attributes, &all);
    if (!error)
        error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                          POSIX_SPAWN_SETSIGDEF);
    if (!error)
        error = posix_spawn(pid, path, &actions, &attributes, arguments, variables);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

int cspawn_start(struct cspawn_program *program, const char *path, char *const arguments[],
                 char *const variables[], const char *directory, int input) {
    int output[2], errors[2], error;
    if (cspawn_pipe(output, 0) < 0)
        return -1;
    if (cspawn_pipe(errors, 0) < 0) {
        error = errno;
        close(output[0]);
        close(output[1]);
        errno = error;
        return -1;
    }
    error = spawn(&program->pid, path, arguments, variables, directory, (int[]){input, output[1], errors[1]});
    close(output[1]);
    close(errors[1]);
    if (!error) {
        program->handle = (int)syscall(SYS_pidfd_open, program->pid, 0);
        if (program->handle < 0) {
            error = errno;
            kill(program->pid, SIGKILL);
            waitpid(program->pid, 0, 0);
        }
    }
    if (error) {
        close(output[0]);
        close(errors[0]);
        errno = error;
        return -1;
    }
    program->output = output[0];
    program->errors = errors[0];
    return 0;
}
