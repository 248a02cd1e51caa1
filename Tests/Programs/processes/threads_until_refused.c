// Makes threads until that fails, prints how many it made and exits with the status given.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *sleep_forever(void *nothing) {
    for (;;)
        pause();
    return nothing;
}

int main(int argc, char **argv) {
    int made = 0;
    pthread_t thread;
    while (pthread_create(&thread, NULL, sleep_forever, NULL) == 0)
        made++;
    printf("%d\n", made);
    return argc > 1 ? atoi(argv[1]) : 1;
}
