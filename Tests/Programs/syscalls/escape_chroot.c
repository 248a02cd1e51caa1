// The known way out of a chroot: another chroot, then up. Prints the entries of the directory that it
// reached.
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void) {
    mkdir("inner", 0777);
    int before = open(".", O_RDONLY | O_DIRECTORY);
    if (chroot("inner") != 0)
        fputs("chroot refused\n", stderr);
    if (before < 0 || fchdir(before) != 0)
        return 1;
    for (int i = 0; i < 64; i++)
        if (chdir("..") != 0)
            return 2;
    DIR *directory = opendir(".");
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;)
        puts(entry->d_name);
    return 0;
}
