/*
 * Lists the processes of a run without a cgroup.
 *
 * In a pid namespace of the slot's own, all processes but slot, seat and init are the program's, and the
 * slot's own proc shows no others. Where the slot has only the outer proc, or no pid namespace, the program's
 * processes are the slot's descendants: the slot, or init, is their subreaper, so an orphan stays below the
 * slot.
 *
 * The outer proc may number processes differently than the slot does. A process's NSpid line has both
 * numbers, from proc's namespace inwards. Only the slot's own number may be passed to kill, to a clock or to
 * a tracer: here the other number belongs to a different process.
 */
#include "accounting/processes.h"

#include "slot_state.h"
#include "sys.h"
#include "text.h"

enum {
    /* The offset in proc's directory at which processes begin, after all other entries; unchanged since 2.0.
     * Starting there skips reading the others; were it to change, the worst effect is reading some entries in
     * vain. */
    FIRST_PROCESS_ENTRY = 256,
};

struct list {
    const struct slot *slot;
    struct process *processes;
    unsigned count, most;
    int init_entry;
    int is_blind; /* proc could not be read */
};

/* The calling process in the outer proc: its number there, and which position in NSpid is the slot's own
 * namespace. */
static struct self { int pid, entry, depth; } self;

/* Whether proc shows only a namespace of the slot's or the container's, where all but agent and slot are the
 * program's. */
static int sees_only_namespace(const struct slot *slot) {
    return has_own_tree(slot) && has_feature(slot, ISOLATE_FEATURE_PROC);
}

int processes_open(const struct slot *slot, int entry, const char *file, int flags) {
    char path[64], number[24];
    text_number(number, (uint64_t)entry);
    const char *parts[] = {number, "/", file, 0};
    int result = entry <= 0 ? -ESRCH : text_join(path, sizeof path, parts);
    return result < 0 ? result : sys_openat(slot->proc, path, flags, 0);
}

long processes_read(const struct slot *slot, int entry, const char *file, char *out, size_t bytes) {
    int CLEANUP_CLOSE fd = processes_open(slot, entry, file, O_RDONLY);
    return fd < 0 ? fd : text_read(fd, out, bytes);
}

static long read_own_status(const struct slot *slot, char *out, size_t bytes) {
    int CLEANUP_CLOSE fd = sys_openat(slot->proc, "self/status", O_RDONLY, 0);
    return fd < 0 ? fd : text_read(fd, out, bytes);
}

/* The number at this position, from 0, of the line NSpid; 0 when there are fewer. Writes their count to
 * `count`. */
static int number_at(const char *status, int depth, int *count) {
    int found = 0;
    *count = 0;
    while (*status != 0 && !text_begins(status, "NSpid:"))
        do
            status++;
        while (*status != 0 && status[-1] != '\n');
    while (*status != 0 && *status != '\n')
        if (*status >= '0' && *status <= '9') {
            if ((*count)++ == depth)
                found = (int)text_parse(status);
            while (*status >= '0' && *status <= '9')
                status++;
        } else {
            status++;
        }
    return found;
}

/* Facts of this process; a clone of the supervisor first has a copy of another process's. entry 0: proc does
 * not show this process. */
static const struct self *know_self(const struct slot *slot) {
    char status[4096];
    int count, pid = (int)SYS_CALL_0(__NR_getpid);
    if (self.pid == pid && self.entry != 0)
        return &self;
    self = (struct self){pid, 0, 0};
    if (read_own_status(slot, status, sizeof status) > 0) {
        self.entry = number_at(status, 0, &count);
        if (count == 0) /* a kernel without pid namespaces */
            self.entry = (int)text_find(status, "Pid:", 0);
        self.depth = count > 0 ? count - 1 : 0;
    }
    return &self;
}

/* The slot's number for the process at this entry of the outer proc; 0 when it is gone or outside the slot's
 * namespace. */
static int pid_of(const struct slot *slot, int entry) {
    char status[4096];
    int count;
    if (know_self(slot)->depth == 0)
        return entry;
    return processes_read(slot, entry, "status", status, sizeof status) <= 0
               ? 0
               : number_at(status, self.depth, &count);
}

static void add(struct list *list, int pid, int entry) {
    if (pid > 0 && pid == list->slot->cell.init_pid)
        list->init_entry = entry;
    else if (pid > 0 && pid != list->slot->seat_pid && pid != list->slot->looker_pid &&
             list->count < list->most)
        list->processes[list->count++] = (struct process){pid, entry};
}

/* Calls `found` for each entry whose name is a number, until the list is full. */
static void for_each_number(int dir, struct list *list, int first,
                            void (*found)(struct list *list, int first, int number)) {
    struct sys_entries entries;
    const struct sys_entry *entry;
    sys_begin_entries(&entries, dir);
    while (list->count < list->most && (entry = sys_next_entry(&entries)) != 0)
        if (entry->name[0] >= '1' && entry->name[0] <= '9')
            found(list, first, (int)text_parse(entry->name));
}

static void add_unless_ours(struct list *list, int slot, int pid) {
    if (pid != slot && pid != 1 /* the slot itself, or the container's agent */)
        add(list, pid, pid);
}

static void list_namespace(struct list *list) {
    static int dir = -1; /* open for the slot's life: reopening it would cost as much as reading it */
    if (dir < 0)
        dir = sys_openat(list->slot->proc, ".", O_RDONLY | O_DIRECTORY, 0);
    list->is_blind = dir < 0 || SYS_CALL_3(__NR_lseek, dir, FIRST_PROCESS_ENTRY, SYS_SEEK_SET) < 0;
    if (!list->is_blind)
        for_each_number(dir, list, (int)SYS_CALL_0(__NR_getpid), add_unless_ours);
}

/* Adds the children that one thread made. */
static void add_children(struct list *list, int entry, int thread) {
    char path[96], a[24], b[24], buffer[512];
    text_number(a, (uint64_t)entry);
    text_number(b, (uint64_t)thread);
    const char *parts[] = {a, "/task/", b, "/children", 0};
    int CLEANUP_CLOSE file = text_join(path, sizeof path, parts) < 0
                                 ? -ENAMETOOLONG
                                 : sys_openat(list->slot->proc, path, O_RDONLY, 0);
    int number = 0;
    long n;
    list->is_blind |= file < 0 && thread == self.entry; /* this kernel has no such files */
    while (file >= 0 && (n = sys_read(file, buffer, sizeof buffer)) > 0)
        for (long i = 0; i < n; i++) {
            if (buffer[i] >= '0' && buffer[i] <= '9') {
                number = number * 10 + (buffer[i] - '0');
                continue;
            }
            add(list, pid_of(list->slot, number), number);
            number = 0;
        }
}

static void list_children(struct list *list) {
    int own = know_self(list->slot)->entry;
    list->is_blind = own == 0;
    if (own != 0)
        add_children(list, own, own);
}

/* A thread, by its number in proc. */
static void add_number(struct list *list, int unused, int number) {
    (void)unused;
    if (list->count < list->most)
        list->processes[list->count++] = (struct process){0, number};
}

static int open_threads(const struct slot *slot, int entry) {
    return processes_open(slot, entry, "task", O_RDONLY | O_DIRECTORY);
}

unsigned processes_threads(const struct slot *slot, int entry, struct process *threads, unsigned most) {
    struct list list = {.slot = slot, .processes = threads, .most = most};
    int CLEANUP_CLOSE dir = open_threads(slot, entry);
    if (dir >= 0)
        for_each_number(dir, &list, 0, add_number);
    return list.count;
}

static void add_descendants(struct list *list) {
    for (unsigned i = 0; i < list->count; i++) {
        int entry = list->processes[i].entry;
        int CLEANUP_CLOSE dir = open_threads(list->slot, entry);
        if (dir >= 0)
            for_each_number(dir, list, entry, add_children);
    }
}

static void list_descendants(struct list *list) {
    list_children(list);
    if (list->init_entry != 0) /* init is the subreaper in the cell */
        add_children(list, list->init_entry, list->init_entry);
    add_descendants(list);
}

unsigned processes_add_descendants(const struct slot *slot, struct process *processes, unsigned count,
                                   unsigned most) {
    struct list list = {.slot = slot, .processes = processes, .count = count, .most = most};
    add_descendants(&list);
    return list.count;
}

unsigned processes_children(const struct slot *slot, struct process *processes, unsigned most) {
    struct list list = {.slot = slot, .processes = processes, .most = most};
    list_children(&list);
    return list.count;
}

static void fill(struct list *list) {
    if (sees_only_namespace(list->slot))
        list_namespace(list);
    else
        list_descendants(list);
}

unsigned processes_list(const struct slot *slot, struct process *processes, unsigned most) {
    struct list list = {.slot = slot, .processes = processes, .most = most};
    fill(&list);
    return list.count;
}

int processes_exist(const struct slot *slot) {
    struct process process;
    struct list list = {.slot = slot, .processes = &process, .most = 1};
    /* A process may change its parent while the outer proc is read. Where killing init is a certain way, the
     * caller kills instead of relying on this list. */
    if (has_feature(slot, ISOLATE_FEATURE_NAMESPACES) && !has_feature(slot, ISOLATE_FEATURE_PROC))
        return 1;
    fill(&list);
    return list.count > 0 || list.is_blind;
}

int processes_are_visible(const struct slot *slot) {
    struct process process;
    struct list list = {.slot = slot, .processes = &process, .most = 1};
    fill(&list);
    return !list.is_blind;
}

int processes_own_entry(const struct slot *slot) {
    return know_self(slot)->entry;
}

int processes_entry(const struct slot *slot, int pid) {
    /* The program's process is a child of the slot; seat and init are not listed. */
    struct process children[8];
    if (sees_only_namespace(slot) || (know_self(slot)->entry != 0 && self.depth == 0))
        return pid;
    unsigned count = processes_children(slot, children, sizeof children / sizeof children[0]);
    for (unsigned i = 0; i < count; i++)
        if (children[i].pid == pid)
            return children[i].entry;
    return 0;
}
