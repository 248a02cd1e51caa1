/*
 * The processes of a run, found without a cgroup.
 *
 * In a pid namespace of the slot's own everybody is the program's but slot, seat and init, and the slot's
 * proc shows nobody else. Without one the program's processes are the slot's descendants: it is their
 * subreaper, so whoever loses his parent becomes its child.
 */
#include "supervisor.h"
#include "text.h"

enum {
    /* Where proc's directory has its processes, after all other entries: since 2.0. Starting there spares
     * reading those; were it ever moved, at worst some more would be read and passed over. */
    FIRST_PROCESS_ENTRY = 256,
    DIRENT_NAME = 19, /* offset of the name in linux_dirent64 */
};

struct list {
    const struct slot *slot;
    int *pids;
    unsigned count, most;
    int is_blind; /* proc could not be read */
};

static void add(struct list *list, int pid) {
    if (pid > 0 && pid != list->slot->seat_pid && pid != list->slot->init_pid && list->count < list->most)
        list->pids[list->count++] = pid;
}

/* Calls for each entry whose name is a number, until the list is full. */
static void for_each_number(int dir, struct list *list, int first,
                            void (*found)(struct list *list, int first, int number)) {
    char buffer[2048] __attribute__((aligned(8)));
    long bytes;
    while (list->count < list->most && (bytes = SYS_CALL_3(__NR_getdents64, dir, buffer, sizeof buffer)) > 0)
        for (long at = 0; at < bytes; at += *(const uint16_t *)(const void *)(buffer + at + 16)) {
            const char *name = buffer + at + DIRENT_NAME;
            if (name[0] >= '1' && name[0] <= '9')
                found(list, first, (int)text_parse(name));
        }
}

static void add_unless_slot(struct list *list, int slot, int pid) {
    if (pid != slot)
        add(list, pid);
}

static void list_namespace(struct list *list) {
    static int dir = -1; /* of the slot, for its life: opening it anew would cost as much as reading it */
    if (dir < 0)
        dir = sys_openat(list->slot->proc, ".", O_RDONLY | O_DIRECTORY, 0);
    list->is_blind = dir < 0 || SYS_CALL_3(__NR_lseek, dir, FIRST_PROCESS_ENTRY, 0 /* SEEK_SET */) < 0;
    if (!list->is_blind)
        for_each_number(dir, list, 1, add_unless_slot);
}

/* Adds the children that one thread made. */
static void add_children(struct list *list, int pid, int thread) {
    char path[96], a[24], b[24], buffer[512];
    text_number(a, (uint64_t)pid);
    text_number(b, (uint64_t)thread);
    const char *parts[] = {a, "/task/", b, "/children", 0};
    int CLEANUP_CLOSE file = text_join(path, sizeof path, parts) < 0
                                 ? -ENAMETOOLONG
                                 : sys_openat(list->slot->proc, path, O_RDONLY, 0);
    int number = 0;
    long n;
    list->is_blind |= file == -ENOENT && thread == (int)SYS_CALL_0(__NR_getpid); /* no such files at all */
    while (file >= 0 && (n = sys_read(file, buffer, sizeof buffer)) > 0)
        for (long i = 0; i < n; i++) {
            if (buffer[i] >= '0' && buffer[i] <= '9') {
                number = number * 10 + (buffer[i] - '0');
                continue;
            }
            add(list, number);
            number = 0;
        }
}

/* Any number at all. */
static void add_number(struct list *list, int unused, int number) {
    (void)unused;
    if (list->count < list->most)
        list->pids[list->count++] = number;
}

static int open_threads(const struct slot *slot, int pid) {
    char path[64], number[24];
    text_number(number, (uint64_t)pid);
    const char *parts[] = {number, "/task", 0};
    int result = text_join(path, sizeof path, parts);
    return result < 0 ? result : sys_openat(slot->proc, path, O_RDONLY | O_DIRECTORY, 0);
}

unsigned members_threads(const struct slot *slot, int pid, int *tids, unsigned most) {
    struct list list = {slot, tids, 0, most, 0};
    int CLEANUP_CLOSE dir = open_threads(slot, pid);
    if (dir >= 0)
        for_each_number(dir, &list, 0, add_number);
    return list.count;
}

static void list_descendants(struct list *list) {
    int own = (int)SYS_CALL_0(__NR_getpid);
    add_children(list, own, own);
    for (unsigned i = 0; i < list->count; i++) {
        int CLEANUP_CLOSE dir = open_threads(list->slot, list->pids[i]);
        if (dir >= 0)
            for_each_number(dir, list, list->pids[i], add_children);
    }
}

unsigned members_children(const struct slot *slot, int *pids, unsigned most) {
    struct list list = {slot, pids, 0, most, 0};
    int own = (int)SYS_CALL_0(__NR_getpid);
    add_children(&list, own, own);
    return list.count;
}

static void fill(struct list *list) {
    if (SYS_CALL_0(__NR_getpid) == 1)
        list_namespace(list);
    else
        list_descendants(list);
}

unsigned members_list(const struct slot *slot, int *pids, unsigned most) {
    struct list list = {slot, pids, 0, most, 0};
    fill(&list);
    return list.count;
}

int members_exist(const struct slot *slot) {
    int pid;
    struct list list = {slot, &pid, 0, 1, 0};
    fill(&list);
    return list.count > 0 || list.is_blind;
}

void members_kill(const struct slot *slot) {
    static int pids[MEMBERS_MAX];
    unsigned count = members_list(slot, pids, MEMBERS_MAX);
    for (unsigned i = 0; i < count; i++)
        SYS_CALL_2(__NR_kill, pids[i], SYS_SIGKILL);
}
