// Tries to raise each of its limits above the sandbox's; prints the names of those that it could raise.
#include <stdio.h>
#include <sys/resource.h>

int main(void) {
    static const struct {
        const char *name;
        int resource;
    } limits[] = {{"fileSize", RLIMIT_FSIZE},  {"openFiles", RLIMIT_NOFILE}, {"core", RLIMIT_CORE},
                  {"memlock", RLIMIT_MEMLOCK}, {"priority", RLIMIT_RTPRIO},  {"nice", RLIMIT_NICE}};
    for (unsigned i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct rlimit limit;
        getrlimit(limits[i].resource, &limit);
        if (limit.rlim_max == RLIM_INFINITY) {
            printf("%s is unlimited\n", limits[i].name);
            continue;
        }
        limit.rlim_cur = limit.rlim_max = limit.rlim_max + 1;
        if (setrlimit(limits[i].resource, &limit) == 0)
            printf("%s\n", limits[i].name);
    }
    return 0;
}
