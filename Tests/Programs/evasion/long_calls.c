// Keeps the slot, or the kernel, busy for long: mincore | watches | epoll. The first prints its result, the
// others do not end.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <unistd.h>

static int map_much(void) {
    size_t bytes = 40ul << 40, pages = bytes >> 12, part = 32 << 20;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, fd = open("vector", O_RDWR | O_CREAT, 0600);
    char *all = mmap(NULL, bytes, PROT_READ, flags, -1, 0),
         *vector = mmap(NULL, pages, PROT_NONE, flags, -1, 0);
    ftruncate(fd, (off_t)part);
    for (size_t at = 0; at < pages && vector != MAP_FAILED; at += part)
        mmap(vector + at, part, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
    int result = mincore(all, bytes, (unsigned char *)vector);
    printf("%s\n", result == 0 ? "looked" : errno == ENOMEM ? "ENOMEM" : strerror(errno));
    unsigned char one = 0;
    return mincore(vector, 4096, &one) == 0 ? 0 : 3;
}

/* A descriptor with the longest possible fdinfo. */
static int make_long(int is_epoll) {
    int made = is_epoll ? epoll_create1(0) : inotify_init1(0);
    for (int i = 0; i < 3900; i++) {
        char name[32];
        snprintf(name, sizeof name, "w%d", i);
        close(open(name, O_WRONLY | O_CREAT, 0600));
        struct epoll_event event = {EPOLLIN, {.u64 = 1}};
        if (is_epoll)
            epoll_ctl(made, EPOLL_CTL_ADD, dup(0), &event);
        else
            inotify_add_watch(made, name, IN_ACCESS);
    }
    return made;
}

int main(int argc, char **argv) {
    const char *mode = argc > 1 ? argv[1] : "mincore";
    if (strcmp(mode, "mincore") == 0)
        return map_much();
    int made = make_long(strcmp(mode, "epoll") == 0), fd = open("locked", O_RDWR | O_CREAT, 0600);
    while (dup(made) >= 0) {
    }
    for (int i = 0; i < 20; i++)
        if (fork() == 0)
            for (;;)
                pause();
    struct flock lock = {.l_type = F_UNLCK, .l_len = 1};
    for (;;)
        fcntl(fd, F_SETLK, &lock);
}
