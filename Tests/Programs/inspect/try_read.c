// Tries to read each path given (or to list a directory), and prints `PATH: read` or the error.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *try_directory(const char *path) {
    DIR *directory = opendir(path);
    if (directory == NULL)
        return strerrorname_np(errno);
    const char *found = "empty";
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            found = "read";
    closedir(directory);
    return found;
}

static const char *try_path(const char *path) {
    char byte;
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    if (fd < 0)
        return strerrorname_np(errno);
    ssize_t count = read(fd, &byte, 1);
    int error = errno;
    close(fd);
    if (count < 0 && error == EISDIR)
        return try_directory(path);
    return count < 0 ? strerrorname_np(error) : count == 0 ? "empty" : "read";
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        printf("%s: %s\n", argv[i], try_path(argv[i]));
    return 0;
}
