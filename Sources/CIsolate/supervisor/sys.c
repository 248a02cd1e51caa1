/* System calls that need more than one line, and the memory functions that a freestanding compiler may
 * call. */
#include "sys.h"

#include <linux/memfd.h>
#include <linux/openat2.h>
#include <linux/sched.h>

#include "isolate_protocol.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

void *memcpy(void *restrict to, const void *restrict from, size_t bytes) {
    char *t = to;
    const char *f = from;
    while (bytes--)
        *t++ = *f++;
    return to;
}

void *memset(void *to, int value, size_t bytes) {
    char *t = to;
    while (bytes--)
        *t++ = (char)value;
    return to;
}

sys_result sys_clone(uint64_t flags, int *pidfd) {
    return sys_clone_into(flags, pidfd, -1);
}

sys_result sys_clone_into(uint64_t flags, int *pidfd, int cgroup) {
    struct clone_args args = {.flags = flags, .exit_signal = SYS_SIGCHLD};
    if (pidfd != 0) {
        args.flags |= CLONE_PIDFD;
        args.pidfd = (uint64_t)(uintptr_t)pidfd;
    }
    if (cgroup >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)cgroup;
    }
    if (flags & CLONE_PARENT)
        args.exit_signal =
            0; /* clone3 requires 0 then: a child of CLONE_PARENT gets the caller's own exit signal */
    sys_result result = SYS_CALL_2(__NR_clone3, &args, sizeof args);
    /* Clone ignores the cgroup instead of failing, so it is no replacement. */
    if (result != -ENOSYS || cgroup >= 0)
        return result;
    /* clone3 is refused: a container's filter cannot inspect its structure. Without a stack, the child
     * continues on a copy of the caller's. */
    return SYS_CALL_5(__NR_clone, args.flags | args.exit_signal, 0, pidfd, 0, 0);
}

static int send_record(int socket, const void *record, size_t bytes, const int *fds, unsigned fd_count,
                       int flags) {
    struct {
        struct sys_cmsghdr header;
        int fds[SYS_DESCRIPTORS_MAX];
    } control = {0};
    struct sys_iovec vector = {(void *)(uintptr_t)record, bytes};
    struct sys_msghdr message = {.vectors = &vector, .vector_count = 1};
    if (fd_count > SYS_DESCRIPTORS_MAX)
        return -EINVAL;
    if (fd_count > 0) {
        control.header.length = sizeof control.header + fd_count * sizeof(int);
        control.header.level = SYS_SOL_SOCKET;
        control.header.type = SYS_SCM_RIGHTS;
        for (unsigned i = 0; i < fd_count; i++)
            control.fds[i] = fds[i];
        message.control = &control;
        message.control_length = control.header.length;
    }
    sys_result sent;
    do
        sent = SYS_CALL_3(__NR_sendmsg, socket, &message, SYS_MSG_NOSIGNAL | flags);
    while (sent == -EINTR);
    return sent < 0 ? (int)sent : 0;
}

int sys_send(int socket, const void *record, size_t bytes, const int *fds, unsigned fd_count) {
    return send_record(socket, record, bytes, fds, fd_count, SYS_MSG_DONTWAIT);
}

int sys_send_blocking(int socket, const void *record, size_t bytes, const int *fds, unsigned fd_count) {
    return send_record(socket, record, bytes, fds, fd_count, 0);
}

sys_result sys_receive(int socket, void *record, size_t bytes, int *fds, unsigned fd_count, int flags) {
    struct {
        struct sys_cmsghdr header;
        int fds[SYS_DESCRIPTORS_MAX];
    } control = {0};
    struct sys_iovec vector = {record, bytes};
    struct sys_msghdr message = {
        .vectors = &vector, .vector_count = 1, .control = &control, .control_length = sizeof control};
    for (unsigned i = 0; i < fd_count; i++)
        fds[i] = -1;
    sys_result received;
    do
        received = SYS_CALL_3(__NR_recvmsg, socket, &message, SYS_MSG_CMSG_CLOEXEC | flags);
    while (received == -EINTR);
    if (received < 0)
        return received;
    int is_cut = (message.flags & SYS_MSG_CTRUNC) != 0;
    if (message.control_length >= sizeof control.header && control.header.level == SYS_SOL_SOCKET &&
        control.header.type == SYS_SCM_RIGHTS) {
        unsigned count = (unsigned)((control.header.length - sizeof control.header) / sizeof(int));
        for (unsigned i = 0; i < count && i < SYS_DESCRIPTORS_MAX; i++) {
            if (i < fd_count && !is_cut)
                fds[i] = control.fds[i];
            else
                sys_close(control.fds[i]);
        }
    }
    /* This process had no room for some descriptors, and a record without them is useless. */
    return is_cut ? -EMFILE : received;
}

void sys_begin_entries(struct sys_entries *entries, int dir) {
    entries->dir = dir;
    entries->result = 0;
    entries->bytes = entries->at = 0;
}

static int is_dots(const char *name) {
    return name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0));
}

const struct sys_entry *sys_next_entry(struct sys_entries *entries) {
    const struct sys_entry *entry;
    do {
        if (entries->at >= entries->bytes) {
            entries->at = 0;
            entries->bytes =
                SYS_CALL_3(__NR_getdents64, entries->dir, entries->buffer, sizeof entries->buffer);
        }
        if (entries->bytes <= 0) {
            entries->result = (int)entries->bytes;
            return 0;
        }
        entry = (const void *)(entries->buffer + entries->at);
        entries->at += entry->bytes;
    } while (is_dots(entry->name));
    return entry;
}

int sys_memory_file(const char *name) {
    /* Linux 6.3 to 6.5 refuse a file without the flag where vm.memfd_noexec is 2, older kernels one with it.
     */
    int fd = (int)SYS_CALL_2(__NR_memfd_create, name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    if (fd == -EINVAL)
        fd = (int)SYS_CALL_2(__NR_memfd_create, name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return fd;
}

int sys_seal(int fd) {
    long result = SYS_CALL_3(__NR_lseek, fd, 0, SYS_SEEK_SET);
    if (result == 0)
        result = SYS_CALL_3(__NR_fcntl, fd, F_ADD_SEALS, ISOLATE_SEALS);
    return (int)result;
}

int sys_openat2(int dir, const char *path, int flags, int mode, uint64_t resolve) {
    struct open_how how = {.flags = (uint64_t)flags | O_CLOEXEC,
                           .mode = (flags & O_CREAT) ? (uint64_t)mode : 0,
                           .resolve = resolve};
    return (int)SYS_CALL_4(__NR_openat2, dir, path, &how, sizeof how);
}

void sys_close_others(int first, const int *keep, unsigned keep_count) {
    /* Goes upwards from one kept descriptor to the next larger one; the list is short, so each step looks at
     * all of it. */
    unsigned from = (unsigned)first;
    for (;;) {
        unsigned next = ~0u;
        for (unsigned i = 0; i < keep_count; i++)
            if (keep[i] >= 0 && (unsigned)keep[i] >= from && (unsigned)keep[i] < next)
                next = (unsigned)keep[i];
        if (next == ~0u) {
            SYS_CALL_3(__NR_close_range, from, ~0u, 0);
            return;
        }
        if (next > from)
            SYS_CALL_3(__NR_close_range, from, next - 1, 0);
        from = next + 1;
    }
}
