// Adds in eight threads under a mutex, with thread-local storage and a condition; exits with 0 when the sum
// is right.
#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t done = PTHREAD_COND_INITIALIZER;
static int sum, finished;
static __thread int local;

static void *add(void *nothing) {
    for (int i = 0; i < 1000; i++) {
        pthread_mutex_lock(&lock);
        sum++;
        local++;
        pthread_mutex_unlock(&lock);
    }
    pthread_mutex_lock(&lock);
    finished += local == 1000;
    pthread_cond_signal(&done);
    pthread_mutex_unlock(&lock);
    return nothing;
}

int main(void) {
    pthread_t threads[8];
    for (int i = 0; i < 8; i++)
        if (pthread_create(&threads[i], NULL, add, NULL) != 0)
            return 1;
    pthread_mutex_lock(&lock);
    while (finished < 8)
        pthread_cond_wait(&done, &lock);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    return sum == 8000 ? 0 : 2;
}
