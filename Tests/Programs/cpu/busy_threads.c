// Uses CPU time in as many threads as its argument says.
#include <pthread.h>
#include <stdlib.h>

static void *burn(void *nothing) {
    for (volatile unsigned long n = 0;; n++)
        ;
    return nothing;
}

int main(int argc, char **argv) {
    int count = argc > 1 ? atoi(argv[1]) : 4;
    pthread_t thread;
    for (int i = 0; i < count; i++)
        if (pthread_create(&thread, NULL, burn, NULL) != 0)
            return 99;
    pthread_join(thread, NULL);
    return 0;
}
