/* What the library gives a caller that makes no choice: its version and its limits. The Swift library has the
 * same, which a test of it compares. */
#include "isolate.h"

#define TEXT(number) #number
#define VERSION(major, minor, patch) TEXT(major) "." TEXT(minor) "." TEXT(patch)

const char *isolate_version(void) {
    return VERSION(ISOLATE_VERSION_MAJOR, ISOLATE_VERSION_MINOR, ISOLATE_VERSION_PATCH);
}

isolate_limits isolate_standard_limits(void) {
    return (isolate_limits){.wall_ns = 20000000000,
                            .cpu_ns = 10000000000,
                            .memory_bytes = 256 << 20,
                            .processes = 64,
                            .file_size_bytes = 64 << 20,
                            .disk_bytes = 128 << 20,
                            .open_files = 256,
                            .stack_bytes = 64 << 20};
}

isolate_limits isolate_compile_limits(void) {
    return (isolate_limits){.wall_ns = 60000000000,
                            .cpu_ns = 30000000000,
                            .memory_bytes = 1 << 30,
                            .processes = 64,
                            .file_size_bytes = 256 << 20,
                            .disk_bytes = 512 << 20,
                            .open_files = 256,
                            .stack_bytes = 64 << 20};
}
