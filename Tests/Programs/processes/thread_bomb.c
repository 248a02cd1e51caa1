// Makes threads for ever; those that exist sleep.
#include <pthread.h>
#include <unistd.h>

static void *sleep_forever(void *nothing) {
    for (;;)
        pause();
    return nothing;
}

int main(void) {
    pthread_t thread;
    for (;;)
        if (pthread_create(&thread, NULL, sleep_forever, NULL) != 0)
            usleep(1000);
}
