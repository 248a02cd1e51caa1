/* Bare processes that do what a judge's tests do: input, output and exit status through pipes, and a
 * comparison. */
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bare.h"

struct batch {
    char *const *argv;
    const void *input, *answer;
    size_t input_bytes, answer_bytes;
    int64_t count;
    atomic_llong next;
    atomic_int failures;
};

static char *environment[] = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "TZ=UTC", NULL};

/* Writes the input, reads the output to its end, and waits; 0 when all of it is right. */
static int converse(const struct batch *batch, int to, int from, pid_t pid) {
    char output[4096];
    size_t used = 0;
    ssize_t count;
    int status;
    int is_written = write(to, batch->input, batch->input_bytes) == (ssize_t)batch->input_bytes;
    close(to);
    while (used < sizeof output && (count = read(from, output + used, sizeof output - used)) > 0)
        used += count;
    close(from);
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return -1;
    return is_written && used == batch->answer_bytes && memcmp(output, batch->answer, used) == 0 ? 0 : -1;
}

static int run_test(const struct batch *batch) {
    int in[2], out[2], result = -1;
    pid_t pid;
    posix_spawn_file_actions_t actions;
    if (pipe2(in, O_CLOEXEC))
        return -1;
    if (pipe2(out, O_CLOEXEC)) {
        close(in[0]);
        close(in[1]);
        return -1;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    int failure = posix_spawn(&pid, batch->argv[0], &actions, NULL, batch->argv, environment);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    if (failure == 0)
        return converse(batch, in[1], out[0], pid);
    close(in[1]);
    close(out[0]);
    return result;
}

static void *run_tests(void *argument) {
    struct batch *batch = argument;
    while (batch->next++ < batch->count)
        if (run_test(batch))
            batch->failures++;
    return NULL;
}

int bare_judge(char *const argv[], const void *input, size_t input_bytes, const void *answer,
               size_t answer_bytes, int threads, int64_t count) {
    struct batch batch = {.argv = argv,
                          .input = input,
                          .answer = answer,
                          .input_bytes = input_bytes,
                          .answer_bytes = answer_bytes,
                          .count = count};
    pthread_t *ids = calloc(threads, sizeof *ids);
    int started = 0;
    if (!ids)
        return -1;
    while (started < threads && !pthread_create(&ids[started], NULL, run_tests, &batch))
        started++;
    for (int i = 0; i < started; i++)
        pthread_join(ids[i], NULL);
    free(ids);
    return batch.failures || started < threads ? -1 : 0;
}
