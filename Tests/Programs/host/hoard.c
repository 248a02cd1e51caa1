// Makes one kind of kernel object, named by its argument, for a second or until the kernel refuses; prints
// how many it has and the error, and holds them until a line comes on stdin.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static int at_once = -1;

static int event_descriptor(long i) {
    return i % 2 ? eventfd(0, 0) : timerfd_create(CLOCK_MONOTONIC, 0);
}

static int pipes(long i) {
    int ends[2];
    static char block[4096];
    if (pipe2(ends, O_NONBLOCK) != 0)
        return -1;
    fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
    while (write(ends[1], block, sizeof block) > 0) {
    }
    return (int)(i & 0);
}

static int sockets(long i) {
    int ends[2];
    static char block[4096];
    if (socketpair(AF_UNIX, i % 2 ? SOCK_STREAM : SOCK_DGRAM, 0, ends) != 0)
        return -1;
    while (send(ends[0], block, sizeof block, MSG_DONTWAIT) > 0) {
    }
    return 0;
}

// Descriptors that only an unread message holds.
static int flight(long i) {
    static int ends[2] = {-1, -1};
    if (ends[0] < 0 && socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) != 0)
        return -1;
    int carried = eventfd((unsigned)i, 0);
    char control[CMSG_SPACE(sizeof(int))] = {0}, byte = 0;
    struct iovec vector = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &carried, sizeof carried);
    int result = sendmsg(ends[0], &message, MSG_DONTWAIT) == 1 ? 0 : -1, number = errno;
    close(carried);
    errno = number;
    return result;
}

static int epolls(long i) {
    static int watched[64], count;
    if (count == 0)
        while (count < 64)
            watched[count++] = eventfd(0, 0);
    if (i % count == 0)
        at_once = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    return at_once < 0 ? -1 : epoll_ctl(at_once, EPOLL_CTL_ADD, watched[i % count], &event);
}

static int watches(long i) {
    char name[32];
    if (at_once < 0)
        at_once = inotify_init1(0);
    snprintf(name, sizeof name, "d%ld", i);
    return at_once < 0 || mkdir(name, 0700) != 0 ? -1 : inotify_add_watch(at_once, name, IN_ALL_EVENTS);
}

// Names that do not exist: the kernel caches them.
static int dentries(long i) {
    char name[256];
    struct stat status;
    memset(name, 'x', sizeof name);
    snprintf(name, 32, "%ld", i);
    name[strlen(name)] = 'x';
    name[250] = 0;
    stat(name, &status);
    return 0;
}

static int locks(long i) {
    if (i % 1000 == 0) {
        char name[32];
        snprintf(name, sizeof name, "f%ld", i);
        at_once = open(name, O_RDWR | O_CREAT, 0600);
    }
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 4000 - 2 * (i % 1000), .l_len = 1};
    return fcntl(at_once, i % 2 ? F_SETLK : F_OFD_SETLK, &lock);
}

static int attributes(long i) {
    char name[32];
    static char value[32768];
    snprintf(name, sizeof name, "f%ld", i);
    close(open(name, O_RDWR | O_CREAT, 0600));
    return setxattr(name, "user.x", value, sizeof value, 0);
}

static int timers(long i) {
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + (int)(i & 0)};
    return timer_create(CLOCK_MONOTONIC, &event, &timer);
}

static int messages(long i) {
    static struct {
        long type;
        char text[8192];
    } message = {1, ""};
    if (i % 2 == 0 || at_once < 0)
        at_once = msgget(IPC_PRIVATE, 0600);
    return at_once < 0 ? -1 : msgsnd(at_once, &message, sizeof message.text, IPC_NOWAIT);
}

static int semaphores(long i) {
    return semget(IPC_PRIVATE, 200 + (int)(i & 0), 0600);
}

static int memory_files(long i) {
    int fd = memfd_create("hoard", (unsigned)(i & 0));
    return fd < 0 ? -1 : ftruncate(fd, 1 << 20) != 0 ? -1 : posix_fallocate(fd, 0, 1 << 20) == 0 ? 0 : -1;
}

static int mappings(long i) {
    return mmap(NULL, 4096, i % 2 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
               ? -1
               : 0;
}

static const struct {
    const char *name;
    int (*take)(long i);
} kinds[] = {{"event", event_descriptor}, {"pipe", pipes},       {"socket", sockets},
             {"flight", flight},          {"epoll", epolls},     {"watch", watches},
             {"dentry", dentries},        {"lock", locks},       {"attribute", attributes},
             {"timer", timers},           {"message", messages}, {"semaphore", semaphores},
             {"memfd", memory_files},     {"mapping", mappings}};

int main(int argc, char **argv) {
    struct timespec begin, now;
    signal(SIGRTMIN, SIG_IGN);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (unsigned k = 0; k < sizeof kinds / sizeof *kinds; k++)
        if (argc > 1 && strcmp(kinds[k].name, argv[1]) == 0) {
            long count = 0;
            const char *refusal = "-";
            for (;; count++) {
                clock_gettime(CLOCK_MONOTONIC, &now);
                if (now.tv_sec - begin.tv_sec >= 2)
                    break;
                if (kinds[k].take(count) < 0) {
                    refusal = strerrorname_np(errno);
                    break;
                }
            }
            printf("%ld %s\n", count, refusal);
            fflush(stdout);
            getchar();
            return 0;
        }
    return 2;
}
