// Tries to make device files; prints each result.
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

int main(void) {
    int character = mknod("/work/character", S_IFCHR | 0666, makedev(1, 1));
    printf("%s\n", character == 0 ? "made" : strerrorname_np(errno));
    int block = mknod("/work/block", S_IFBLK | 0666, makedev(254, 0));
    printf("%s\n", block == 0 ? "made" : strerrorname_np(errno));
    return 0;
}
