// Prints the names in each directory given, one a line, without `.` and `..`.
#include <dirent.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        DIR *directory = opendir(argv[i]);
        for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;)
            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                puts(entry->d_name);
    }
    return 0;
}
