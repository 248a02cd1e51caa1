// Leaves a file of the name given in /work, /tmp and /dev/shm, waits the given milliseconds, then prints all
// files that it sees there.
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
    static const char *const places[] = {"/work", "/tmp", "/dev/shm"};
    if (argc < 3)
        return 99;
    for (int i = 0; i < 3; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s", places[i], argv[1]);
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0666);
        if (fd < 0) {
            perror(path);
            return 1;
        }
    }
    usleep(atoi(argv[2]) * 1000);
    for (int i = 0; i < 3; i++) {
        DIR *directory = opendir(places[i]);
        for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;)
            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                printf("%s/%s\n", places[i], entry->d_name);
    }
    return 0;
}
