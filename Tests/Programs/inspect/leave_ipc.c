// Leaves System V shared memory, semaphores, messages, a POSIX queue and a POSIX semaphore; prints which of
// them existed already.
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

enum { KEY = 0x5a17 };

int main(void) {
    if (shmget(KEY, 4096, 0) >= 0)
        puts("shm");
    if (semget(KEY, 1, 0) >= 0)
        puts("sem");
    if (msgget(KEY, 0) >= 0)
        puts("msg");
    mqd_t queue = mq_open("/victim", O_RDWR);
    if (queue != (mqd_t)-1)
        puts("mqueue");
    if (shmget(KEY, 4096, IPC_CREAT | 0666) < 0 || semget(KEY, 1, IPC_CREAT | 0666) < 0 ||
        msgget(KEY, IPC_CREAT | 0666) < 0) {
        perror("System V");
        return 1;
    }
    // A sandbox may refuse POSIX queues entirely: then none is left, either.
    if (mq_open("/victim", O_RDWR | O_CREAT, 0666, NULL) == (mqd_t)-1 && errno != EACCES && errno != ENOSYS) {
        perror("mq_open");
        return 2;
    }
    return 0;
}
