/* Runs the tests, each in a process of its own with a time limit; an argument selects tests by name. */
#include "test.h"

#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct test *first_test, **last_test = &first_test;

/* Shared with the processes of a test: the first failure's message, and its context. */
static struct shared {
    int is_failed;
    char message[1024];
} * shared;

static char context[256];

/* An exit status of the sanitizers that differs from the tests' own. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "detect_leaks=1:exitcode=99:handle_abort=1";
}

void test_register(struct test *test) {
    *last_test = test;
    last_test = &test->next;
}

void test_context(const char *format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(context, sizeof context, format, list);
    va_end(list);
}

void test_note(const char *format, ...) {
    char line[512];
    va_list list;
    va_start(list, format);
    int n = vsnprintf(line, sizeof line - 1, format, list);
    va_end(list);
    dprintf(STDOUT_FILENO, "    %.*s\n", n, line);
}

void test_fail(const char *file, int line, const char *format, ...) {
    if (!__atomic_exchange_n(&shared->is_failed, 1, __ATOMIC_SEQ_CST)) {
        char text[700];
        va_list list;
        va_start(list, format);
        vsnprintf(text, sizeof text, format, list);
        va_end(list);
        snprintf(shared->message, sizeof shared->message, "%s:%d: %s%s%s", file, line, text,
                 context[0] != 0 ? ", in: " : "", context);
    }
    _exit(1);
}

static void run_in_child(const struct test *test, pid_t runner) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != runner)
        _exit(1);
    test->run(test->argument);
    exit(0); /* the leak detector runs at exit */
}

/* TEST_SECONDS in the environment gives tests more time, for an emulated processor. */
static int time_limit(void) {
    const char *text = getenv("TEST_SECONDS");
    int seconds = text != NULL ? atoi(text) : 0;
    return seconds > 0 ? seconds : TEST_SECONDS;
}

/* Returns 1 when the test passed. */
static int run(const struct test *test) {
    pid_t runner = getpid();
    memset(shared, 0, sizeof *shared);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        run_in_child(test, runner);
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), status = 0;
    struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};
    int n = poll(&poll_fd, 1, time_limit() * 1000);
    if (n == 0)
        kill(pid, SIGKILL);
    close(pidfd);
    waitpid(pid, &status, 0);
    if (n != 0 && status == 0 && !shared->is_failed)
        return 1;
    if (shared->is_failed)
        printf("FAILED %s: %s\n", test->name, shared->message);
    else if (n == 0)
        printf("FAILED %s: still running after %d s\n", test->name, time_limit());
    else if (WIFSIGNALED(status))
        printf("FAILED %s: died of signal %d\n", test->name, WTERMSIG(status));
    else
        printf("FAILED %s: exit status %d\n", test->name, WEXITSTATUS(status));
    return 0;
}

static int is_wanted(const struct test *test, int count, char **filters) {
    for (int i = 0; i < count; i++)
        if (strstr(test->name, filters[i]) != NULL)
            return 1;
    return count == 0;
}

int main(int argc, char **argv) {
    int passed = 0, failed = 0;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return 2;
    for (const struct test *test = first_test; test != NULL; test = test->next) {
        struct timespec before, after;
        if (!is_wanted(test, argc - 1, argv + 1))
            continue;
        clock_gettime(CLOCK_MONOTONIC, &before);
        if (run(test)) {
            clock_gettime(CLOCK_MONOTONIC, &after);
            double seconds =
                (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) / 1e9;
            passed++;
            if (seconds >= 1)
                printf("ok %s (%.1f s)\n", test->name, seconds);
            else
                printf("ok %s\n", test->name);
        } else {
            failed++;
        }
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0 || passed == 0;
}
