// Makes the system calls named by its arguments, each with its own harmless arguments, and prints the
// results.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static long memory[64];
static struct iovec piece = {memory, sizeof memory}, nowhere = {0, sizeof memory};

struct call {
    const char *name;
    long number, arguments[6];
};

#define ADDRESS(thing) ((long)(thing))
/* An address in this program's own data. */
#define PAGE ADDRESS(page)
static char page[4096] __attribute__((aligned(4096)));
#define HIGH_BIT (1l << 32)

static const struct call calls[] = {
    {"socket", SYS_socket, {AF_INET, SOCK_STREAM, 0}},
    {"socket.inet6", SYS_socket, {AF_INET6, SOCK_DGRAM, 0}},
    {"socket.raw", SYS_socket, {AF_INET, SOCK_RAW, 1}},
    {"socket.raw6", SYS_socket, {AF_INET6, SOCK_RAW, 58}},
    {"socket.sctp", SYS_socket, {AF_INET, SOCK_SEQPACKET, 132}},
    {"socketpair.inet", SYS_socketpair, {AF_INET, SOCK_STREAM, 0, ADDRESS(memory)}},
    {"socket.packet", SYS_socket, {AF_PACKET, SOCK_RAW, 0}},
    {"socket.vsock", SYS_socket, {AF_VSOCK, SOCK_STREAM, 0}},
    {"socket.alg", SYS_socket, {38, SOCK_SEQPACKET, 0}},
    {"socket.netlink", SYS_socket, {AF_NETLINK, SOCK_RAW, 0}},
    {"ptrace", SYS_ptrace, {16, 1, 0, 0}},
    {"mount", SYS_mount, {ADDRESS("none"), ADDRESS("/work/none"), ADDRESS("tmpfs"), 0, 0}},
    {"umount2", SYS_umount2, {ADDRESS("/work/none"), 2}},
    {"pivot_root", SYS_pivot_root, {ADDRESS("."), ADDRESS(".")}},
    {"chroot", SYS_chroot, {ADDRESS("/tmp")}},
    {"setns", SYS_setns, {-1, CLONE_NEWNS}},
    {"unshare", SYS_unshare, {CLONE_NEWUSER}},
    {"unshare.mount", SYS_unshare, {CLONE_NEWNS}},
    {"unshare.net", SYS_unshare, {CLONE_NEWNET}},
    {"unshare.high", SYS_unshare, {CLONE_NEWUSER | HIGH_BIT}},
    {"unshare.files", SYS_unshare, {CLONE_FS | CLONE_FILES}},
    {"clone", SYS_clone, {CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0}},
    {"clone.pid", SYS_clone, {CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0}},
    {"clone.ptrace", SYS_clone, {CLONE_PTRACE | SIGCHLD, 0, 0, 0, 0}},
    {"clone.parent", SYS_clone, {CLONE_PARENT | SIGCHLD, 0, 0, 0, 0}},
    {"bpf", SYS_bpf, {5, ADDRESS(memory), sizeof memory}},
    {"keyctl", SYS_keyctl, {0, -3, 0}},
    {"add_key", SYS_add_key, {ADDRESS("user"), ADDRESS("victim"), ADDRESS("x"), 1, -3}},
    {"request_key", SYS_request_key, {ADDRESS("user"), ADDRESS("victim"), 0, -3}},
    {"userfaultfd", SYS_userfaultfd, {0}},
    {"perf_event_open", SYS_perf_event_open, {ADDRESS(memory), 0, -1, -1, 0}},
    {"process_vm_readv", SYS_process_vm_readv, {1, ADDRESS(&piece), 1, ADDRESS(&piece), 1}},
    {"process_vm_writev", SYS_process_vm_writev, {1, ADDRESS(&piece), 1, ADDRESS(&nowhere), 1}},
    {"open_by_handle_at", SYS_open_by_handle_at, {AT_FDCWD, ADDRESS(memory), O_RDONLY}},
    {"kexec_load", SYS_kexec_load, {0, 0, 0, 0}},
    {"kexec_file_load", SYS_kexec_file_load, {-1, -1, 0, 0, 0}},
    {"init_module", SYS_init_module, {ADDRESS(memory), 0, ADDRESS("")}},
    {"finit_module", SYS_finit_module, {-1, ADDRESS(""), 0}},
    {"delete_module", SYS_delete_module, {ADDRESS("no-such-module"), O_NONBLOCK}},
    {"reboot", SYS_reboot, {0xfee1dead, 672274793, 0, 0}}, // CAD_OFF
    {"swapon", SYS_swapon, {ADDRESS("/work/none"), 0}},
    {"swapoff", SYS_swapoff, {ADDRESS("/work/none")}},
    {"fsopen", SYS_fsopen, {ADDRESS("tmpfs"), 0}},
    {"open_tree", SYS_open_tree, {AT_FDCWD, ADDRESS("/"), 1}},
    {"clone3", SYS_clone3, {ADDRESS(memory), 64}},
    {"io_uring_setup", SYS_io_uring_setup, {8, ADDRESS(memory)}},
    {"io_uring_enter", SYS_io_uring_enter, {-1, 1, 0, 0, 0}},
    {"io_uring_register", SYS_io_uring_register, {-1, 0, 0, 0}},
    {"mq_open", SYS_mq_open, {ADDRESS("none"), O_RDWR | O_CREAT, 0600, 0}},
    {"process_madvise", SYS_process_madvise, {-1, ADDRESS(&piece), 1, 20, 0}},
    {"fadvise64", SYS_fadvise64, {0, 0, 0, 4}},
    {"sync_file_range", SYS_sync_file_range, {0, 0, 0, 7}},
    {"madvise.cold", SYS_madvise, {PAGE, 4096, 20}},
    {"madvise.pageout", SYS_madvise, {PAGE, 4096, 21}},
    {"madvise.mergeable", SYS_madvise, {PAGE, 4096, 12}},
    {"msync.sync", SYS_msync, {PAGE, 4096, 4}},
    {"mmap.huge", SYS_mmap, {0, 2 << 20, 3, 0x40022, -1}},
    {"memfd_create.huge", SYS_memfd_create, {ADDRESS("none"), 4}},
    {"shmget.huge", SYS_shmget, {0, 2 << 20, 04600}},
    {"seccomp", SYS_seccomp, {1, 0, 0}},
    {"prctl.seccomp", SYS_prctl, {22, 2, 0, 0, 0}},
    {"prctl.merge", SYS_prctl, {67, 1, 0, 0, 0}},
    {"prctl.core", SYS_prctl, {62, 0, 0, 0, ADDRESS(memory)}},
    {"prctl.mm", SYS_prctl, {35, 14, ADDRESS(memory), 0, 0}},
    {"setxattr", SYS_setxattr, {ADDRESS("victim"), ADDRESS("user.x"), ADDRESS("x"), 1, 0}},
    {"fsetxattr", SYS_fsetxattr, {0, ADDRESS("user.x"), ADDRESS("x"), 1, 0}},
    {"ioctl.fiemap", SYS_ioctl, {0, 0xc020660b, ADDRESS(memory)}},
    {"ioctl.fsmap", SYS_ioctl, {0, 0xc0c0583b, ADDRESS(memory)}},
    {"preadv2.nowait", SYS_preadv2, {0, ADDRESS(&piece), 1, 0, 0, 8}},
    {"unknown", 999, {0}},
    {"unknown.far", 0x3fffffff, {0}},
    {"ioctl", SYS_ioctl, {0, 0x5412, ADDRESS("x")}},                 // TIOCSTI
    {"ioctl.high", SYS_ioctl, {0, 0x5412 | HIGH_BIT, ADDRESS("x")}}, // the kernel compares 32 bits
    {"settimeofday", SYS_settimeofday, {1, 0}},
    {"clock_settime", SYS_clock_settime, {CLOCK_REALTIME, 1}},
    {"sethostname", SYS_sethostname, {1, 6}},
    {"setdomainname", SYS_setdomainname, {1, 6}},
    {"syslog", SYS_syslog, {3, ADDRESS(memory), sizeof memory}},
    {"acct", SYS_acct, {ADDRESS("/work/none")}},
    {"quotactl", SYS_quotactl, {0, ADDRESS("/dev/none"), 0, ADDRESS(memory)}},
    {"personality", SYS_personality, {0x0040000}},
};

static void make(const struct call *call) {
    const long *a = call->arguments;
    errno = 0;
    long result = syscall(call->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (result == 0 && call->number == SYS_clone)
        _exit(0);
    printf("%s %s\n", call->name, result >= 0 ? "ok" : strerrorname_np(errno));
    fflush(stdout);
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        unsigned at = 0, count = sizeof calls / sizeof *calls;
        while (at < count && strcmp(calls[at].name, argv[i]) != 0)
            at++;
        if (at == count)
            return 99;
        make(&calls[at]);
    }
    return 0;
}
