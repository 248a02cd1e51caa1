// Prints how many processors it may use, tries to get all of the machine's in every possible way, prints the
// results, and how many it has then. With the word `burn` two threads then use CPU time without end; with
// `hold` it also prints which processors it has, and stays until its stdin ends.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int count(void) {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : -errno;
}

static int failure;

static void note(int result) {
    if (result != 0 && failure == 0)
        failure = errno;
}

static void *widen(void *nothing) {
    cpu_set_t all;
    memset(&all, 0xff, sizeof all);
    note(sched_setaffinity(0, sizeof all, &all));
    note(sched_setaffinity(getpid(), sizeof all, &all));
    note((int)syscall(SYS_sched_setaffinity, syscall(SYS_gettid), sizeof all, &all));
    return nothing;
}

static void *burn(void *nothing) {
    widen(NULL);
    for (volatile unsigned long n = 0;; n++)
        ;
    return nothing;
}

int main(int argc, char **argv) {
    const char *word = argc > 1 ? argv[1] : "";
    int before = count(), status;
    pthread_t thread;
    widen(NULL);
    if (pthread_create(&thread, NULL, widen, NULL) != 0 || pthread_join(thread, NULL) != 0)
        return 98;
    pid_t child = fork();
    if (child == 0) {
        widen(NULL);
        _exit(count() == before ? 0 : 1);
    }
    if (waitpid(child, &status, 0) != child || status != 0)
        return 97;
    printf("%d\n%s\n%d\n", before, failure == 0 ? "ok" : strerrorname_np(failure), count());
    fflush(stdout);
    if (strcmp(word, "hold") == 0) {
        cpu_set_t set;
        sched_getaffinity(0, sizeof set, &set);
        for (int i = 0; i < CPU_SETSIZE; i++)
            if (CPU_ISSET(i, &set))
                printf("%d ", i);
        puts("");
        fflush(stdout);
        while (getchar() != EOF)
            ;
    }
    if (strcmp(word, "burn") == 0) {
        for (int i = 0; i < 2; i++)
            if (pthread_create(&thread, NULL, burn, NULL) != 0)
                return 99;
        pthread_join(thread, NULL);
    }
    return 0;
}
