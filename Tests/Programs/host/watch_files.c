// Watches and locks what it can read of its root, tries to change entries of /dev, prints the results, and
// when a line comes on stdin prints how many accesses by other processes it has seen.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int main(void) {
    static const char *const places[] = {"/usr/bin",  "/usr/lib",     "/bin",      "/dev",
                                         "/dev/null", "/dev/urandom", "/dev/zero", "/usr/bin/env"};
    static const char *const locked[] = {"/usr/bin/env", "/dev/null", "/etc/ld.so.cache"};
    char buffer[4096] __attribute__((aligned(8)));
    int watch = inotify_init1(IN_NONBLOCK), events = 0;
    for (unsigned i = 0; i < sizeof places / sizeof *places; i++)
        inotify_add_watch(watch, places[i], IN_OPEN | IN_ACCESS | IN_ATTRIB | IN_MODIFY | IN_CLOSE);
    for (unsigned i = 0; i < sizeof locked / sizeof *locked; i++)
        flock(open(locked[i], O_RDONLY), LOCK_EX | LOCK_NB);
    while (read(watch, buffer, sizeof buffer) > 0) // its own events
        events = 0;
    int touched = utimensat(AT_FDCWD, "/dev/null", NULL, 0), number = errno;
    printf("times %s\n", touched == 0 ? "changed" : strerrorname_np(number));
    printf("mode %s\n", chmod("/dev/null", 0600) == 0 ? "changed" : strerrorname_np(errno));
    puts("ready");
    fflush(stdout);
    getchar();
    ssize_t n;
    while ((n = read(watch, buffer, sizeof buffer)) > 0)
        for (char *at = buffer; at < buffer + n; events++)
            at += sizeof(struct inotify_event) + ((struct inotify_event *)at)->len;
    printf("events %d\n", events);
    return 0;
}
