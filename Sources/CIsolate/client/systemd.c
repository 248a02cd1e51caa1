/*
 * Requests a cgroup that this user may divide from systemd: a scope around the supervisor, with Delegate=yes.
 *
 * On most hosts with cgroup v2 an ordinary user owns no directory except those that the user's systemd made,
 * and that systemd makes more on request. libsystemd is loaded when it is needed and never linked; a host
 * without it lacks only this.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cgroup_facts.h"
#include "internal.h"

enum { WAIT_MS = 2000, STEP_MS = 5 };

struct sd_bus; /* opaque; the functions are those of sd-bus.h */
struct library {
    void *handle;
    int (*open_user)(struct sd_bus **bus);
    int (*open_system)(struct sd_bus **bus);
    int (*call)(struct sd_bus *bus, const char *destination, const char *path, const char *interface,
                const char *member, void *error, void **reply, const char *types, ...);
    struct sd_bus *(*close)(struct sd_bus *bus);
};

/* ISO C has no cast from void * to a function pointer. */
static int find(const struct library *library, const char *name, void *function) {
    void *symbol = dlsym(library->handle, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

static int load(struct library *library) {
    library->handle = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
    if (library->handle == NULL)
        return -ENOENT;
    if (find(library, "sd_bus_open_user", &library->open_user) &&
        find(library, "sd_bus_open_system", &library->open_system) &&
        find(library, "sd_bus_call_method", &library->call) &&
        find(library, "sd_bus_flush_close_unref", &library->close))
        return 0;
    dlclose(library->handle);
    return -ENOENT;
}

static int start_scope(const struct library *library, pid_t pid, const char *name) {
    struct sd_bus *bus = NULL;
    int result = geteuid() == 0 ? library->open_system(&bus) : library->open_user(&bus);
    if (result < 0)
        return result;
    result = library->call(bus, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                           "org.freedesktop.systemd1.Manager", "StartTransientUnit", NULL, NULL,
                           "ssa(sv)a(sa(sv))", name, "fail", 5, "Description", "s", "sandboxes", "PIDs", "au",
                           1, (uint32_t)pid, "Delegate", "b", 1, "MemoryAccounting", "b", 1,
                           "TasksAccounting", "b", 1, 0);
    library->close(bus);
    return result;
}

/* systemd's answer only says that the job is queued, so this waits until the process is in the scope. */
static int wait_for_scope(pid_t pid, const char *name, char *out, size_t bytes) {
    for (int waited = 0; waited < WAIT_MS; waited += STEP_MS) {
        int result = isolate_internal_cgroup_directory_of(pid, out, bytes);
        const char *last = result == 0 ? strrchr(out, '/') : NULL;
        if (last != NULL && strcmp(last + 1, name) == 0)
            return 0;
        struct timespec step = {0, STEP_MS * 1000000};
        nanosleep(&step, NULL);
    }
    return -ETIMEDOUT;
}

int isolate_internal_systemd_scope(const isolate_supervisor *supervisor, char *out, size_t bytes) {
    struct library library;
    char name[80], cgroup[64];
    isolate_internal_cgroup_name(supervisor, cgroup, sizeof cgroup);
    snprintf(name, sizeof name, "%s.scope", cgroup);
    int result = load(&library);
    if (result < 0)
        return result;
    result = start_scope(&library, supervisor->pid, name);
    dlclose(library.handle);
    return result < 0 ? result : wait_for_scope(supervisor->pid, name, out, bytes);
}
