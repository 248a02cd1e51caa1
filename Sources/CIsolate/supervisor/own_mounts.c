/* Where a slot finds its own proc. */
#include "own_mounts.h"

static const char *proc = "/proc";

const char *own_proc(void) {
    return proc;
}

void own_proc_is_mounted(void) {
    proc = OWN_PROC;
}
