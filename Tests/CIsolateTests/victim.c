/* The program in the sandbox: one behaviour per word. Static, so that it starts fast and without
 * libraries. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int number;

static int do_exit(void) {
    return number;
}

static int do_signal(void) {
    raise(number);
    return 0;
}

static int do_spin(void) {
    for (volatile int on = 1; on;) {
    }
    return 0;
}

static int do_sleep(void) {
    while (pause() < 0) {
    }
    return 0;
}

/* Touches `number` MiB. */
static int do_memory(void) {
    size_t bytes = (size_t)number << 20;
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return 1;
    for (size_t i = 0; i < bytes; i += 4096)
        memory[i] = 1;
    return 0;
}

/* The same, and keeps it. */
static int do_hold(void) {
    return do_memory() == 0 ? do_sleep() : 1;
}

/* Touches `number` MiB of shared memory, and keeps it. */
static int do_shared(void) {
    size_t bytes = (size_t)number << 20;
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return 1;
    for (size_t i = 0; i < bytes; i += 4096)
        memory[i] = 1;
    return do_sleep();
}

/* Touches `number` MiB, then has three children that read them. */
static int do_forked(void) {
    if (do_memory() != 0)
        return 1;
    for (int i = 0; i < 3; i++)
        if (fork() == 0) {
            usleep(200000);
            _exit(0);
        }
    while (wait(NULL) > 0) {
    }
    return 0;
}

/* Has one child that shares the memory for a while (vfork). */
static int do_vforked(void) {
    if (do_memory() != 0)
        return 1;
    pid_t pid = vfork();
    if (pid == 0) {
        usleep(200000);
        _exit(0);
    }
    return pid < 0;
}

static void *hold(void *argument) {
    do_hold();
    return argument;
}

/* A second thread holds `number` MiB; the first one exits. */
static int do_leaderless(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, hold, NULL) != 0)
        return 1;
    pthread_exit(NULL);
}

static void burn(int milliseconds) {
    struct timespec used;
    do
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    while (used.tv_sec * 1000 + used.tv_nsec / 1000000 < milliseconds);
}

/* Uses `number` ms of CPU time. */
static int do_burn(void) {
    burn(number);
    return 0;
}

/* Holds 96 MiB while it uses 500 ms, and longer: a process whose memory samples should see. */
static int do_hold_and_spin(void) {
    number = 96;
    if (do_memory() != 0)
        return 1;
    burn(500);
    usleep(300000);
    return 0;
}

/* The same as burn, then reports it in a file, and stays. */
static int do_burn_and_stay(void) {
    burn(number);
    return open("done", O_WRONLY | O_CREAT, 0644) < 0 ? 1 : do_sleep();
}

/* Has a child use them, and does not wait for it. */
static int do_ignored(void) {
    signal(SIGCHLD, SIG_IGN);
    pid_t pid = fork();
    if (pid == 0) {
        burn(number);
        _exit(0);
    }
    while (kill(pid, 0) == 0)
        usleep(1000);
    return pid < 0;
}

/* Prints how many processes can exist, itself included. */
static int do_count(void) {
    int count = 1;
    pid_t pid;
    while ((pid = fork()) > 0)
        count++;
    if (pid == 0)
        do_sleep();
    printf("%d", count);
    return 0;
}

/* That many nested directories. */
static int do_deep(void) {
    for (int i = 0; i < number; i++)
        if (mkdir("d", 0755) != 0 || chdir("d") != 0)
            return 1;
    return open("file", O_WRONLY | O_CREAT, 0644) < 0;
}

static int do_flood(void) {
    char block[4096];
    memset(block, 'x', sizeof block);
    for (;;)
        if (write(1, block, sizeof block) < 0)
            return 1;
}

/* The same bytes as `print`, one by one, in packet mode: each read returns one byte. */
static int do_packets(void) {
    if (fcntl(1, F_SETFL, O_DIRECT) < 0)
        return 2;
    for (int i = 0; i < number; i++) {
        char letter = (char)('a' + i % 26);
        if (write(1, &letter, 1) != 1)
            return 1;
    }
    return 0;
}

/* Writes exactly `number` bytes; each is the letter of its position. */
static int do_print(void) {
    for (int i = 0; i < number; i++)
        putchar('a' + i % 26);
    return 0;
}

static int do_fork(void) {
    for (;;) {
        pid_t pid = fork();
        if (pid < 0)
            return 1;
        if (pid == 0)
            do_sleep();
    }
}

/* An endless series of children that live shortly, and their children. */
static int do_storm(void) {
    signal(SIGCHLD, SIG_IGN);
    for (;;)
        if (fork() == 0) {
            usleep(2000);
            if (fork() > 0)
                _exit(0);
            usleep(20000);
            _exit(0);
        } else {
            usleep(500);
        }
}

static int do_open(void) {
    while (open("/dev/null", O_RDONLY) >= 0) {
    }
    return errno == EMFILE ? 1 : 2;
}

static int fill_file(const char *name, long long bytes) {
    static char block[64 << 10];
    int fd = open(name, O_WRONLY | O_CREAT, 0644);
    for (long long done = 0; done < bytes;) {
        ssize_t n = write(fd, block, sizeof block);
        if (n < 0)
            return errno;
        done += n;
    }
    return 0;
}

static int do_disk(void) {
    return fill_file("full", 1ll << 40) == ENOSPC ? 1 : 2;
}

static int do_file_size(void) {
    return fill_file("large", 1ll << 40) == EFBIG ? 1 : 2;
}

static int recurse(volatile char *above) {
    volatile char here[4096];
    here[0] = above[0];
    return here[0] == 0 ? 0 : recurse(here) + here[0];
}

static int do_stack(void) {
    volatile char first = 1;
    return recurse(&first);
}

static int do_chroot(void) {
    return chroot("/tmp") == 0 ? 0 : errno;
}

static int do_socket(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    return fd >= 0 ? 0 : errno;
}

static int do_cat(void) {
    char block[4096];
    ssize_t n;
    while ((n = read(0, block, sizeof block)) > 0)
        if (write(1, block, (size_t)n) != n)
            return 2;
    return n < 0 ? 1 : 0;
}

static void ignore_alarm(int signal) {
    (void)signal;
}

/* Waits for its input, and could also be woken otherwise: 1 by a signal that it catches, 2 by a timer, 3 by
 * a thread of its own, 4 by a child. */
static int do_wait(void) {
    if (number == 1)
        signal(SIGALRM, ignore_alarm);
    if (number == 2) {
        struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGTERM};
        struct itimerspec when = {.it_value.tv_sec = 50};
        timer_t timer;
        if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 || timer_settime(timer, 0, &when, NULL) != 0)
            return 3;
    }
    pthread_t thread;
    if (number == 3 && pthread_create(&thread, NULL, (void *(*)(void *))(void *)do_sleep, NULL) != 0)
        return 3;
    if (number == 4 && fork() == 0)
        do_sleep();
    return do_cat();
}

static int do_doze(void) {
    sleep(100);
    return 0;
}

/* Prints what this process inherited. */
static int do_status(void) {
    static const char *const wanted[] = {"SigPnd:", "SigBlk:", "SigIgn:", "SigCgt:", "Umask:", "TracerPid:"};
    char line[256];
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
            if (strncmp(line, wanted[i], strlen(wanted[i])) == 0 && strcmp(wanted[i], "TracerPid:") != 0)
                fputs(line, stdout);
    for (int fd = 0; fd < 64; fd++)
        if (fcntl(fd, F_GETFD) >= 0 && (file == NULL || fd != fileno(file)))
            printf("fd %d\n", fd);
    return file == NULL;
}

/* Reads /work/data to its end, so that the program touches its pages. */
static int do_read(void) {
    static char block[256 << 10];
    int fd = open("data", O_RDONLY);
    ssize_t n;
    while ((n = read(fd, block, sizeof block)) > 0)
        number += n > 0;
    return n < 0;
}

static const struct {
    const char *word;
    int (*run)(void);
} words[] = {
    {"exit", do_exit},
    {"signal", do_signal},
    {"spin", do_spin},
    {"sleep", do_sleep},
    {"memory", do_memory},
    {"flood", do_flood},
    {"packets", do_packets},
    {"print", do_print},
    {"fork", do_fork},
    {"storm", do_storm},
    {"open", do_open},
    {"disk", do_disk},
    {"fileSize", do_file_size},
    {"stack", do_stack},
    {"socket", do_socket},
    {"chroot", do_chroot},
    {"cat", do_cat},
    {"status", do_status},
    {"read", do_read},
    {"hold", do_hold},
    {"shared", do_shared},
    {"forked", do_forked},
    {"vforked", do_vforked},
    {"leaderless", do_leaderless},
    {"burn", do_burn},
    {"burnAndStay", do_burn_and_stay},
    {"ignored", do_ignored},
    {"count", do_count},
    {"holdAndSpin", do_hold_and_spin},
    {"deep", do_deep},
    {"wait", do_wait},
    {"doze", do_doze},
};

int main(int argc, char **argv) {
    number = argc > 2 ? atoi(argv[2]) : 0;
    for (size_t i = 0; argc > 1 && i < sizeof words / sizeof words[0]; i++)
        if (strcmp(argv[1], words[i].word) == 0)
            return words[i].run();
    return 200;
}
