// Leaves many System V and POSIX objects, some with a mode and an owner that deny access to all users.
#define _GNU_SOURCE
#include <fcntl.h>
#include <mqueue.h>
#include <semaphore.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

#include "leave.h"

enum { COUNT = 200 };

int main(int argc, char **argv) {
    struct {
        long type;
        char text[8];
    } message = {1, "secret"};
    for (int i = 0; i < COUNT; i++) {
        key_t key = i % 2 == 0 ? IPC_PRIVATE : (key_t)(0x80000000u + (unsigned)i);
        int mode = i % 3 == 0 ? 0 : 0600;
        int shm = shmget(key, 4096, IPC_CREAT | 0600), msg = msgget(key, IPC_CREAT | 0600);
        int sem = semget(key, 4, IPC_CREAT | 0600);
        must(shm >= 0 && msg >= 0 && sem >= 0, "System V");
        char *memory = shmat(shm, NULL, 0);
        must(memory != (char *)-1, "shmat");
        strcpy(memory, "secret");
        must(msgsnd(msg, &message, sizeof message.text, IPC_NOWAIT) == 0, "msgsnd");
        struct shmid_ds segment;
        must(shmctl(shm, IPC_STAT, &segment) == 0, "IPC_STAT");
        segment.shm_perm.mode = (unsigned short)mode;
        if (i % 5 == 0) // changes its owner; its maker may still remove it
            segment.shm_perm.uid = segment.shm_perm.gid = 12345;
        must(shmctl(shm, IPC_SET, &segment) == 0, "IPC_SET");
        if (i % 7 == 0) // removed, but still attached
            shmctl(shm, IPC_RMID, NULL);
    }
    for (int i = 0; i < 8; i++) {
        char name[32];
        snprintf(name, sizeof name, "/left%d", i);
        mqd_t queue = mq_open(name, O_RDWR | O_CREAT, 0, NULL);
        if (queue != (mqd_t)-1) // a sandbox may refuse queues entirely
            mq_send(queue, "secret", 6, 1);
        must(sem_open(name, O_CREAT, 0, 1) != SEM_FAILED, "sem_open");
        must(shm_open(name, O_RDWR | O_CREAT, 0) >= 0, "shm_open");
    }
    return left(argc, argv);
}
