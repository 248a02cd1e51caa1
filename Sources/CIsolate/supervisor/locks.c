/*
 * Record locks: memory of the kernel's that it charges to nobody (struct file_lock, some 200 bytes each; the
 * old RLIMIT_LOCKS does nothing since Linux 2.4).
 *
 * So their number is looked at with every sample. The slot's own proc shows those of its pid namespace only,
 * and no more of the file is read than the bound needs: what the program does to it costs us no more than
 * that.
 */
#include "supervisor.h"

enum { LOCKS_MAX = 4096, LOOK_BYTES = 4096 };

int locks_are_too_many(const struct slot *slot) {
    static int file = -1; /* of the slot, for its life */
    char text[LOOK_BYTES];
    unsigned lines = 0;
    long n;
    if (!has_own_tree(slot) || !has_feature(slot, ISOLATE_FEATURE_PROC))
        return 0; /* the outer proc's are everybody's */
    if (file < 0)
        file = sys_openat(slot->proc, "locks", O_RDONLY, 0);
    for (int64_t at = 0; lines <= LOCKS_MAX && (n = sys_pread(file, text, sizeof text, at)) > 0; at += n)
        for (long i = 0; i < n; i++)
            lines += text[i] == '\n';
    return lines > LOCKS_MAX;
}
