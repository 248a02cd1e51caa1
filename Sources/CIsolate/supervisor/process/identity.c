/*
 * Which user and group ids a slot and its program have on the host, and the id maps for them.
 *
 * With CAP_SETUID both get ids that no other process uses. An ordinary user may map only the own id, unless
 * /etc/subuid grants more: then the set-user-id programs newuidmap and newgidmap write the maps.
 */
#include "process/identity.h"

#include <linux/prctl.h>
#include <linux/securebits.h>
#include <linux/wait.h>

#include "config.h"
#include "credentials.h"
#include "slot_state.h"
#include "sys.h"
#include "text.h"

static int write_file(const char *path, const char *text) {
    int CLEANUP_CLOSE fd = sys_openat(AT_FDCWD, path, O_WRONLY, 0);
    long n = fd < 0 ? fd : sys_write(fd, text, text_length(text));
    return n < 0 ? (int)n : 0;
}

struct identity identity_of(const struct isolate_config *config, uint32_t index) {
    struct identity id = {(uint32_t)SYS_CALL_0(__NR_getuid), (uint32_t)SYS_CALL_0(__NR_getgid), 0, 0};
    id.program_uid = id.slot_uid;
    id.program_gid = id.slot_gid;
    if (config->id_source == ISOLATE_IDS_OWN)
        return id;
    /* Two supervisors that live at the same time have different pids, so their ids differ too; slots that
     * live at the same time get different ids while there are enough. The first id is the slots' root. */
    uint32_t first = (uint32_t)((uint64_t)SYS_CALL_0(__NR_getpid) * config->id_count % config->id_span);
    uint32_t own = first + 1 + index % (config->id_count - 1);
    id.program_uid = config->uid_base + own;
    id.program_gid = config->gid_base + own;
    if (config->id_source == ISOLATE_IDS_PRIVILEGED) {
        id.slot_uid = config->uid_base + first;
        id.slot_gid = config->gid_base + first;
    }
    return id;
}

/* Safe: no other process uses the id, and this process has it only for the moment of the clone. The
 * capabilities stay in effect, so that the clone also succeeds on a host that permits user namespaces to root
 * alone. */
void identity_begin_creation(const struct isolate_config *config, const struct identity *id) {
    if (config->id_source != ISOLATE_IDS_PRIVILEGED)
        return; /* an ordinary user cannot take another id */
    sys_prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP);
    SYS_CALL_3(__NR_setresuid, -1, id->slot_uid, -1);
    SYS_CALL_1(__NR_setfsuid, SYS_CALL_0(__NR_getuid)); /* so that this process may still open its files */
}

void identity_end_creation(const struct isolate_config *config) {
    if (config->id_source != ISOLATE_IDS_PRIVILEGED)
        return;
    SYS_CALL_3(__NR_setresuid, -1, SYS_CALL_0(__NR_getuid), -1);
    sys_prctl(PR_SET_SECUREBITS, 0);
    credentials_hide(config); /* a change of ids may have made this process dumpable */
}

void identity_bound_quotas(const struct slot *slot) {
    /* As many as let all slots of the largest usual pool (16) fit into the kernel's usual bound of 128 per
     * user. */
    static const struct {
        const char *path, *most;
    } quotas[] = {{"sys/user/max_inotify_instances", "8"},
                  {"sys/user/max_inotify_watches", "4096"},
                  {"sys/user/max_fanotify_groups", "0"},
                  {"sys/user/max_fanotify_marks", "0"}};
    for (unsigned i = 0; i < sizeof quotas / sizeof quotas[0]; i++) {
        int CLEANUP_CLOSE fd = sys_openat(slot->proc, quotas[i].path, O_WRONLY, 0);
        if (fd >= 0) /* older kernels lack some */
            sys_write(fd, quotas[i].most, text_length(quotas[i].most));
    }
}

/* The words of a map: {inside, outside, 1} for the slot, then for the program if its id differs. */
struct map_words {
    char numbers[4][24];
    const char *words[7];
    unsigned count;
};

static void fill_words(struct map_words *map, uint32_t slot_inside, uint32_t slot, uint32_t program_inside,
                       uint32_t program) {
    const uint32_t values[4] = {slot_inside, slot, program_inside, program};
    map->count = 0;
    for (int i = 0; i < 4 && (i < 2 || slot_inside != program_inside); i++) {
        text_number(map->numbers[i], values[i]);
        map->words[map->count++] = map->numbers[i];
        if (i % 2 == 1)
            map->words[map->count++] = "1";
    }
    map->words[map->count] = 0;
}

static int write_map(int pid, const char *file, const struct map_words *map) {
    char path[64], number[24], text[128] = "";
    size_t used = 0;
    text_number(number, (uint64_t)pid);
    const char *path_parts[] = {"/proc/", pid == 0 ? "self" : number, file, 0};
    int result = text_join(path, sizeof path, path_parts);
    for (unsigned i = 0; i < map->count && result == 0; i++) {
        const char *parts[] = {map->words[i], i % 3 == 2 ? "\n" : " ", 0};
        result = text_join(text + used, sizeof text - used, parts);
        used += text_length(text + used);
    }
    return result == 0 ? write_file(path, text) : result;
}

/* Safe: newuidmap itself checks that the ids are the user's and that the target is the user's process. */
static int run_helper(const char *path, int pid, const struct map_words *map) {
    char number[24];
    const char *argv[10] = {path, number};
    static const char *const no_environment[] = {0};
    text_number(number, (uint64_t)pid);
    for (unsigned i = 0; i < map->count; i++)
        argv[i + 2] = map->words[i];
    argv[map->count + 2] = 0;
    long child = sys_clone(0, 0);
    if (child == 0) {
        SYS_CALL_3(__NR_execve, path, argv, no_environment);
        sys_exit(127);
    }
    int status = 0;
    if (child > 0)
        child = SYS_CALL_4(__NR_wait4, child, &status, __WALL, 0);
    return child < 0 ? (int)child : status == 0 ? 0 : -EPERM;
}

int identity_write_maps(const struct isolate_config *config, const struct identity *id, int pid) {
    struct map_words users, groups;
    fill_words(&users, config->slot_uid, id->slot_uid, config->program_uid, id->program_uid);
    fill_words(&groups, config->slot_uid, id->slot_gid, config->program_uid, id->program_gid);
    if (config->id_source == ISOLATE_IDS_OWN)
        return 0; /* the slot writes its own map: no other process may */
    if (config->id_source == ISOLATE_IDS_SUBORDINATE) {
        int result = run_helper(config_text(config, config->newgidmap), pid, &groups);
        return result < 0 ? result : run_helper(config_text(config, config->newuidmap), pid, &users);
    }
    /* Acts as the owner of the namespace: a root without CAP_SYS_ADMIN, as in a container, has no other right
     * to write its maps. */
    identity_begin_creation(config, id);
    int result = write_map(pid, "/gid_map", &groups);
    if (result == 0)
        result = write_map(pid, "/uid_map", &users);
    identity_end_creation(config);
    return result;
}

/* The files in /proc of a process that is not dumpable belong to root, so an ordinary user could not open its
 * own maps. So the slot is dumpable until its maps are written; a process of the same uid could have traced
 * the embedder in any case. */
int identity_be_mapped(const struct slot *slot) {
    const struct isolate_config *config = slot->config;
    char go;
    int result = 0;
    int is_mapped = has_feature(slot, ISOLATE_FEATURE_NAMESPACES);
    if (is_mapped && config->id_source != ISOLATE_IDS_PRIVILEGED)
        sys_prctl(PR_SET_DUMPABLE, 1);
    if (is_mapped && config->id_source == ISOLATE_IDS_OWN) {
        struct map_words map;
        fill_words(&map, config->program_uid, slot->host.program_uid, config->program_uid, 0);
        result = write_map(0, "/uid_map", &map);
        if (result == 0) /* the kernel requires this before an unprivileged group map (user_namespaces(7)) */
            result = write_file("/proc/self/setgroups", "deny");
        fill_words(&map, config->program_uid, slot->host.program_gid, config->program_uid, 0);
        if (result == 0)
            result = write_map(0, "/gid_map", &map);
    }
    if (sys_send(slot->sync, "d", 1, 0, 0) < 0 || sys_read(slot->sync, &go, 1) != 1)
        sys_exit(1); /* the supervisor failed, and reports that itself */
    credentials_hide(config);
    return result;
}
