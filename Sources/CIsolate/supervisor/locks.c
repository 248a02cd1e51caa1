/*
 * Record locks: memory of the kernel's that it charges to nobody (struct file_lock, some 200 bytes each; the
 * old RLIMIT_LOCKS does nothing since Linux 2.4).
 *
 * The filter tells us of each call that may take one. Every so many calls we count what is held, from the
 * fdinfo of the run's descriptors, while the caller waits: so no file there is longer than the bound and one
 * round make it. Not from /proc/locks, whose reader stops all locking on the whole host for a grace period of
 * RCU.
 */
#include "supervisor.h"
#include "text.h"

enum { LOCKS_MAX = 8192, CALLS_PER_LOOK = 1024, LOOK_BYTES = 4096 };

static unsigned count_in(int file) {
    static const char mark[] = "lock:";
    char text[LOOK_BYTES];
    unsigned found = 0, matched = 0;
    long n;
    /* A mark may lie across two reads. None of its letters stands twice, so a miss begins anew. */
    while ((n = sys_read(file, text, sizeof text)) > 0)
        for (long i = 0; i < n; i++) {
            matched = text[i] == mark[matched] ? matched + 1 : text[i] == mark[0];
            if (mark[matched] == 0) {
                found++;
                matched = 0;
            }
        }
    return found;
}

static unsigned count_of(const struct slot *slot, int entry) {
    struct sys_entries entries;
    const struct sys_entry *descriptor;
    unsigned found = 0;
    int CLEANUP_CLOSE dir = members_open(slot, entry, "fdinfo", O_RDONLY | O_DIRECTORY);
    sys_begin_entries(&entries, dir);
    while (dir >= 0 && found <= LOCKS_MAX && (descriptor = sys_next_entry(&entries)) != 0) {
        int CLEANUP_CLOSE file = sys_openat(dir, descriptor->name, O_RDONLY, 0);
        found += file < 0 ? 0 : count_in(file);
    }
    return found;
}

int locks_are_too_many(const struct slot *slot, unsigned *calls) {
    static struct member members[MEMBERS_MAX];
    unsigned found = 0;
    if (++*calls % CALLS_PER_LOOK != 0)
        return 0;
    unsigned count = members_list(slot, members, MEMBERS_MAX);
    credentials_begin_look(slot);
    for (unsigned i = 0; i < count && found <= LOCKS_MAX; i++)
        found += count_of(slot, members[i].entry);
    credentials_end_look(slot);
    return found > LOCKS_MAX;
}
