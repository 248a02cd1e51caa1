// Prints the process ids that /proc shows, and which of 2…400 it can signal, without itself and pid 1.
#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(void) {
    DIR *directory = opendir("/proc");
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;)
        if (isdigit((unsigned char)entry->d_name[0]) && atoi(entry->d_name) > 1 &&
            atoi(entry->d_name) != getpid())
            printf("seen %s\n", entry->d_name);
    for (pid_t pid = 2; pid <= 400; pid++)
        if (pid != getpid() && kill(pid, 0) == 0)
            printf("reached %d\n", pid);
    return 0;
}
