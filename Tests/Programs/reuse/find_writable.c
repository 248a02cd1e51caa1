// Walks the whole tree and prints what it can write to, create in, or owns; leaves out /proc's files of
// processes, and the directories given as arguments.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int count;

static void try_directory(const char *path) {
    char name[4400];
    snprintf(name, sizeof name, "%s/can-it-write", path);
    if (mkdir(name, 0700) == 0 || errno == EEXIST) {
        printf("directory %s\n", path);
        rmdir(name);
        return;
    }
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd < 0)
        fd = open(path, O_WRONLY | O_TMPFILE, 0600);
    if (fd < 0)
        return;
    printf("directory %s\n", path);
    unlink(name);
    close(fd);
}

static void look(const char *path) {
    struct stat status;
    count++;
    if (lstat(path, &status) != 0)
        return;
    if (status.st_uid == getuid() && getuid() != 0)
        printf("own %s\n", path);
    if (S_ISDIR(status.st_mode)) {
        try_directory(path);
    } else if (!S_ISLNK(status.st_mode)) {
        int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0)
            printf("%s %s\n", S_ISCHR(status.st_mode) ? "device" : "file", path);
        if (fd >= 0)
            close(fd);
    }
}

static void walk(const char *path, int depth) {
    DIR *directory = opendir(path);
    char below[4200];
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (snprintf(below, sizeof below, "%s/%s", strcmp(path, "/") == 0 ? "" : path, entry->d_name) >= 4096)
            continue;
        int is_process =
            strcmp(path, "/proc") == 0 &&
            ((entry->d_name[0] >= '0' && entry->d_name[0] <= '9') || strstr(entry->d_name, "self"));
        if (is_process || strcmp(below, "/work/victim") == 0)
            continue;
        look(below);
        if (entry->d_type == DT_DIR && depth < 64)
            walk(below, depth + 1);
    }
    if (directory != NULL)
        closedir(directory);
}

int main(void) {
    look("/");
    walk("/", 0);
    fprintf(stderr, "%d\n", count);
    return 0;
}
