// Removes every permission from its own files and directories, /work included.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void) {
    if (mkdir("locked", 0777) != 0 || open("locked/file", O_WRONLY | O_CREAT, 0) < 0)
        return 1;
    chmod("locked", 0);
    chmod("/tmp", 0);
    chmod("/work", 0);
    return 0;
}
