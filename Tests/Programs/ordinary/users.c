// flags: -O2
// Looks up its own user and group by number and by name, through the C library's modules (so it is not
// static).
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

int main(void) {
    struct passwd *user = getpwuid(getuid());
    if (user == NULL || getpwnam(user->pw_name) == NULL)
        return 1;
    struct group *group = getgrgid(getgid());
    if (group == NULL)
        return 2;
    getpwnam("nobody-of-this-name");
    puts(user->pw_name[0] ? "named" : "unnamed");
    return 0;
}
