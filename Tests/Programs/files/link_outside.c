// Tries to hard-link files from outside /work into it; exits with 0 when each link was refused.
#include <unistd.h>

int main(void) {
    return link("/etc/passwd", "passwd") == 0 || link("/proc/self/exe", "exe") == 0 ||
           link("/usr/bin/env", "env") == 0;
}
