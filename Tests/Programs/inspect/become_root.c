// Tries to become uid and gid 0 and to drop its groups; prints its ids, then the result of each try.
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void tell(const char *what, int result) {
    printf("%s: %s\n", what, result == 0 ? "done" : strerrorname_np(errno));
}

int main(void) {
    printf("uid: %u\n", getuid());
    tell("setuid", setuid(0));
    tell("setgid", setgid(0));
    tell("setresuid", setresuid(0, 0, 0));
    tell("setgroups", setgroups(0, NULL));
    return 0;
}
