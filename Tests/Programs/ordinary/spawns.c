// Runs /bin/echo by posix_spawn, and `exit 3` by system(); exits with 0 when both worked.
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>

int main(void) {
    char *arguments[] = {"echo", "spawned", NULL}, *nothing[] = {NULL};
    pid_t child;
    int status;
    if (posix_spawn(&child, "/bin/echo", NULL, NULL, arguments, nothing) != 0)
        return 1;
    if (waitpid(child, &status, 0) != child || status != 0)
        return 2;
    status = system("exit 3");
    return WIFEXITED(status) && WEXITSTATUS(status) == 3 ? 0 : 3;
}
