/*
 * Level minimal: directories in place of a mount namespace, for hosts, most often containers, that refuse
 * one.
 *
 * /work and /tmp are directories below one that the supervisor makes and removes; Landlock lets the program
 * write only there. The run's layers show what this level lacks.
 */
#include "tree/plain.h"

#include "config.h"
#include "credentials.h"
#include "failure.h"
#include "slot_state.h"
#include "sys.h"
#include "text.h"
#include "tree/entries.h"

enum { PATH_BYTES = 1400 };

static int slot_directory(const struct isolate_config *config, uint32_t number, const char *below,
                          char out[PATH_BYTES]) {
    char text[24];
    text_number(text, number);
    const char *parts[] = {config_text(config, config->scratch_directory), "/", text, below, 0};
    return text_join(out, PATH_BYTES, parts);
}

int plain_path(const struct slot *slot, const char *below, char *out, size_t bytes) {
    char path[PATH_BYTES];
    int result = slot_directory(slot->config, slot->number, below, path);
    const char *parts[] = {path, 0};
    return result < 0 ? result : text_join(out, bytes, parts);
}

struct isolate_failure plain_setup(const struct isolate_config *config) {
    const char *path = config_text(config, config->scratch_directory);
    /* Other users may pass through to their own directories, and list nothing. */
    long result = SYS_CALL_3(__NR_mkdirat, AT_FDCWD, path, 0711);
    if (result == 0 && stage_is_forced_to_fail(config, ISOLATE_STAGE_DIRECTORIES)) {
        plain_remove_all(config);
        result = -EIO;
    }
    return failure_at(result < 0 ? ISOLATE_STAGE_DIRECTORIES : 0, result, 0);
}

/* Removes the entries of a directory. Returns 1 and a name: that directory must be emptied first; 0: all are
 * removed. */
static int empty_directory(int dir, char name[256]) {
    struct sys_entries entries;
    const struct sys_entry *entry;
    SYS_CALL_3(__NR_lseek, dir, 0, SYS_SEEK_SET);
    sys_begin_entries(&entries, dir);
    while ((entry = sys_next_entry(&entries)) != 0) {
        const char *parts[] = {entry->name, 0};
        int result = entry_remove(dir, entry->name);
        if (result == 1)
            result = text_join(name, 256, parts);
        else if (result == 0 || result == -ENOENT)
            continue;
        return result < 0 ? result : 1;
    }
    return entries.result;
}

/* Empties a tree of any depth with two descriptors and without recursion, since the program may have made it
 * arbitrarily deep. No process of the run lives any more, so the tree does not change meanwhile and ".."
 * leads back. */
int plain_empty(const char *path) {
    int CLEANUP_CLOSE dir = sys_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (dir < 0)
        return dir;
    for (uint64_t depth = 0;;) {
        char name[256];
        int result = empty_directory(dir, name);
        if (result == 0 && depth == 0)
            break;
        if (result > 0) { /* undoes a mode with which the program locked it */
            SYS_CALL_3(__NR_fchmodat, dir, name, 0700);
            depth++;
        } else if (result == 0) {
            depth--;
        }
        int next = result < 0 ? result
                              : sys_openat(dir, result > 0 ? name : "..",
                                           O_RDONLY | O_DIRECTORY | (result > 0 ? O_NOFOLLOW : 0), 0);
        if (next < 0)
            return next;
        sys_close(dir);
        dir = next;
    }
    return 0;
}

static int remove_tree(const char *path) {
    int result = plain_empty(path);
    if (result == 0)
        result = (int)SYS_CALL_3(__NR_unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
    return result == -ENOENT ? 0 : result;
}

int plain_remove_slot(const struct isolate_config *config, uint32_t number) {
    char path[PATH_BYTES];
    int result = slot_directory(config, number, "", path);
    return result < 0 ? result : remove_tree(path);
}

void plain_remove_all(const struct isolate_config *config) {
    SYS_CALL_3(__NR_unlinkat, AT_FDCWD, config_text(config, config->scratch_directory), AT_REMOVEDIR);
}

struct isolate_failure plain_scratch_create(struct slot *slot) {
    static const char *const names[] = {"/work", "/tmp"};
    char path[PATH_BYTES];
    int *const fds[] = {&slot->work, &slot->plain.tmp};
    long result = slot_directory(slot->config, slot->number, "", path);
    if (result == 0)
        result = SYS_CALL_3(__NR_mkdirat, AT_FDCWD, path, 0711);
    for (int i = 0; i < 2 && result >= 0; i++) {
        result = slot_directory(slot->config, slot->number, names[i], path);
        if (result == 0)
            result = SYS_CALL_3(__NR_mkdirat, AT_FDCWD, path, 0700);
        if (result == 0)
            result = SYS_CALL_5(__NR_fchownat, AT_FDCWD, path, slot->uid, slot->gid, 0);
        if (result == 0) { /* as the program: the directories above must let it pass, too */
            credentials_act_as_program(slot);
            result = *fds[i] = sys_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
            credentials_act_as_slot(slot);
        }
    }
    if (result >= 0 && stage_is_forced_to_fail(slot->config, ISOLATE_STAGE_SCRATCH))
        result = -EIO;
    if (result >= 0)
        return failure_at(0, 0, 0);
    plain_scratch_remove(slot);
    return failure_at(ISOLATE_STAGE_SCRATCH, result, ISOLATE_DETAIL_SCRATCH_PLAIN);
}

void plain_scratch_remove(struct slot *slot) {
    sys_close_fd(&slot->work);
    sys_close_fd(&slot->plain.tmp);
    plain_remove_slot(slot->config, slot->number); /* the supervisor removes later what remains */
}
