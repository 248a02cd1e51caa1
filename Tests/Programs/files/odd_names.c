// Makes files whose names are not UTF-8, hold a newline, or look like options.
#include <fcntl.h>
#include <unistd.h>

int main(void) {
    const char *names[] = {"\xff\xfe", "new\nline", "-rf", "--", " ", "*", "\033[31m", "caf\xc3\xa9"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        int fd = open(names[i], O_WRONLY | O_CREAT, 0666);
        if (fd < 0 || write(fd, "x", 1) != 1)
            return 1;
    }
    return 0;
}
