// Has as many further threads as its first argument says, all alive for as many milliseconds as its second
// says.
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static int milliseconds;

static void *hold(void *nothing) {
    usleep(milliseconds * 1000);
    return nothing;
}

int main(int argc, char **argv) {
    if (argc < 3)
        return 99;
    milliseconds = atoi(argv[2]);
    pthread_t threads[64];
    int count = atoi(argv[1]);
    for (int i = 0; i < count && i < 64; i++)
        if (pthread_create(&threads[i], NULL, hold, NULL) != 0)
            return 1;
    for (int i = 0; i < count && i < 64; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
