/* Declarations shared by the client's files. */
#ifndef ISOLATE_INTERNAL_H
#define ISOLATE_INTERNAL_H

#include <errno.h>

#include "isolate.h"

#define CLEANUP_CLOSE __attribute__((cleanup(isolate_internal_close)))

static inline isolate_failure isolate_internal_failure(int stage, int errno_value, int index) {
    isolate_failure failure = {stage, errno_value, index};
    return failure;
}

/* What a function returns for the failure that another process sent: 0 for none, else -errno and never 0. */
static inline int isolate_internal_status(const isolate_failure *failure) {
    return failure->stage == 0 ? 0 : failure->errno_value > 0 ? -failure->errno_value : -EPROTO;
}

void isolate_internal_close(int *fd);
int isolate_internal_write_all(int fd, const void *data, size_t bytes);
/* Makes a memory file read-only for good. */
int isolate_internal_seal(int fd);

/* host.c: the monotonic clock, and the time left until a deadline as poll takes it, so that signals do not
 * extend a wait. */
uint64_t isolate_internal_now_ms(void);
int isolate_internal_ms_until(uint64_t end_ms);

/* config.c: the configuration under construction; texts are offsets from its start. */
struct config_builder {
    struct isolate_config *config;
    char *text; /* right behind the structure */
    size_t used;
    int error;
};
uint32_t isolate_internal_add_text(struct config_builder *b, const char *text);

/* rootfs.c: binds, links, files and masks of the root. `root`: an image's directory, or NULL for the host. */
int isolate_internal_add_rootfs(struct config_builder *b, const char *root, isolate_failure *failure);

/* ids.c: the facts that decide which ids a supervisor gives to its slots. */
enum { INTERNAL_IDS_PER_SUPERVISOR = 64 };
struct isolate_internal_id_facts {
    int may_set_ids;               /* CAP_SETUID and CAP_SETGID */
    int has_helpers;               /* newuidmap and newgidmap */
    const char *uid_map, *gid_map; /* texts of the files, "" where there is none */
    const char *subuid, *subgid;
    const char *name; /* of the user; NULL when the uid has no name */
    uint32_t uid;
};
/* Pure: id_source, the bases, the span and the count. */
void isolate_internal_pick_ids(const struct isolate_internal_id_facts *facts, uint32_t avoid, int is_writable,
                               struct isolate_config *config);
int isolate_internal_choose_ids(uint32_t avoid, int is_writable, struct isolate_config *config);
/* The path of a system program, or NULL; valid until the thread's next call. */
const char *isolate_internal_find_program(const char *name);

/* capabilities.c: whether this process has in effect every capability that the stage needs. */
int isolate_internal_has_capabilities(int stage);

/* sandbox.c: isolate_sandbox_open with a slot number of the caller's choice. */
int isolate_internal_sandbox_open(isolate_supervisor *supervisor, uint32_t number, uint64_t disk_bytes,
                                  isolate_sandbox *sandbox, isolate_failure *failure);

/* sandbox.c: 0, -ETIMEDOUT at that time of isolate_internal_now_ms, or -errno. */
int isolate_internal_wait_readable(int fd, uint64_t end_ms);
int isolate_internal_refuse_fork(isolate_failure *failure);
/* Waits for one answer of the slot, at most answer_timeout_ms, then gives the slot up. *fd: FILE_OPENED's. */
int isolate_internal_wait_for_answer(isolate_sandbox *sandbox, uint32_t type, isolate_slot_message *message,
                                     int *fd, isolate_failure *failure);
int isolate_internal_ask(isolate_sandbox *sandbox, uint32_t request, uint64_t disk_bytes, uint32_t answer,
                         isolate_slot_message *message, isolate_failure *failure);
/* Has the slot killed, or the supervisor if it does not answer. what: enum isolate_watchdog. Returns
 * -ETIMEDOUT. */
int isolate_internal_give_up(isolate_sandbox *sandbox, int what, isolate_failure *failure);

/* rungs.c: what the next attempt leaves out after this failure; `avoid` unchanged when nothing helps.
 * `needs_tree`: an image, a writable root or a caller's directory, which need a mount namespace. */
uint32_t isolate_internal_next_rung(uint32_t avoid, int id_source, int needs_tree,
                                    const isolate_failure *failure, uint32_t *lost_layers);

/* cgroup.c: undoes mountinfo's escapes (a backslash and three octal digits) in place. Pure. */
void isolate_internal_unescape(char *text);

/* bind_mounts.c: adds the caller's directories, checked. 0, or -errno with *failure at BIND_MOUNT. */
int isolate_internal_add_bind_mounts(struct config_builder *b, const isolate_bind_mount *mounts, size_t count,
                                     isolate_failure *failure);
/* Whether programs may have a directory at this path. Pure. */
int isolate_internal_is_bind_target(const char *target);
/* Whether this line of mountinfo, which is changed, names a mount below the directory. Pure. */
int isolate_internal_is_mount_below(char *line, const char *path);

/* config.c: a sealed memory file with the supervisor's configuration, or -errno. asks_for_directory: the
 * supervisor then waits for a CGROUP_DIRECTORY record. */
int isolate_internal_config_file(const isolate_start_options *options, isolate_supervisor *supervisor,
                                 int *asks_for_directory, isolate_failure *failure);

/* image.c: the supervisor that the library carries; NULL when it carries none. */
const void *isolate_internal_own_image(size_t *bytes);

/* spawn.c: starts the image with descriptors 3, 4, 5; it is not a child of this process. pid, or -errno. */
int isolate_internal_spawn(int image, int socket, int owner, int config);

/* birth.c: isolate_process_birth for kernels before 6.9, which do not number pidfds. */
uint64_t isolate_internal_birth_by_clock(pid_t pid);

/* host.c: the inode of this process's pid namespace, which says in which namespace a name's pid is meant. */
unsigned long isolate_internal_pid_namespace(void);

/* host.c: the name of a supervisor's directory in each hierarchy. It has the owner's pid namespace, pid and
 * birth, by which a later cleanup sees whether the owner lives; the number distinguishes supervisors of one
 * process. */
void isolate_internal_cgroup_name(const isolate_supervisor *supervisor, char *out, size_t bytes);

/* cleanup.c: the state of the owner that a directory's name gives. */
enum isolate_internal_owner {
    INTERNAL_OWNER_NONE, /* not a supervisor's directory */
    INTERNAL_OWNER_LIVES,
    INTERNAL_OWNER_DEAD,
    INTERNAL_OWNER_ELSEWHERE, /* its pid is of another pid namespace */
};
enum isolate_internal_owner isolate_internal_owner_of(const char *name);

/* cleanup.c: isolate_cleanup with a short time limit; the next start removes what remains. */
void isolate_internal_cleanup_at_start(void);
/* The age in seconds at which an empty cgroup of an owner in another pid namespace counts as left behind;
 * tests change it. */
extern unsigned isolate_internal_abandoned_after_s;

/* scratch.c: as isolate_cleanup, for the directories of level minimal, until end_ms. */
int isolate_internal_remove_dead_scratch(uint64_t end_ms, void (*removed)(const char *path, void *context),
                                         void *context);

/* cleanup.c: removes the cgroups of a supervisor that was killed. The supervisor must be dead. 0 also when
 * there are none any more, or -errno. */
int isolate_internal_remove_cgroups(const isolate_supervisor *supervisor);

/* systemd.c: has systemd put the supervisor into a scope that this user may divide; `out` is its
 * directory. */
int isolate_internal_systemd_scope(const isolate_supervisor *supervisor, char *out, size_t bytes);

#define INTERNAL_CGROUP_PREFIX "swift-sandbox-"

#endif
