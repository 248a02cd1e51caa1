// Its main thread exits by pthread_exit; another thread then ends the process with 6.
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static void *last(void *nothing) {
    usleep(50000);
    exit(6);
    return nothing;
}

int main(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, last, NULL) != 0)
        return 99;
    pthread_exit(NULL);
}
