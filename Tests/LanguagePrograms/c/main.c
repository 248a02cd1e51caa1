#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

long twice(long number);

static void *add(void *total) {
    for (long i = 0; i < 100; i++)
        __atomic_add_fetch((long *)total, i, __ATOMIC_SEQ_CST);
    return NULL;
}

int main(void) {
    char mode[20];
    if (scanf("%19s", mode) != 1)
        return 1;
    if (strcmp(mode, "hello") == 0)
        puts("hello");
    if (strcmp(mode, "sum") == 0) {
        long a, b;
        if (scanf("%ld %ld", &a, &b) != 2)
            return 1;
        printf("%ld\n", twice(a + b));
    }
    if (strcmp(mode, "exit") == 0)
        return 7;
    if (strcmp(mode, "memory") == 0)
        for (;;) {
            // A compiler may leave out what nobody can see.
            volatile char *piece = malloc(1 << 20);
            for (long i = 0; i < 1 << 20; i += 512)
                piece[i] = 1;
        }
    if (strcmp(mode, "spin") == 0)
        for (volatile long i = 0;; i++)
            ;
    if (strcmp(mode, "threads") == 0) {
        pthread_t threads[4];
        long total = 0;
        for (int i = 0; i < 4; i++)
            pthread_create(&threads[i], NULL, add, &total);
        for (int i = 0; i < 4; i++)
            pthread_join(threads[i], NULL);
        printf("%ld\n", total);
    }
    return 0;
}
