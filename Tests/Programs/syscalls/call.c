// Makes the system calls named by its arguments, with harmless arguments of their own, and prints how each
// ended.
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
    long number, arguments[5];
};

#define ADDRESS(thing) ((long)(thing))
#define HIGH_BIT (1l << 32)

static const struct call calls[] = {
    {"socket", SYS_socket, {AF_INET, SOCK_STREAM, 0}},
    {"socket.inet6", SYS_socket, {AF_INET6, SOCK_DGRAM, 0}},
    {"socket.raw", SYS_socket, {AF_INET, SOCK_RAW, 1}},
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
    {"unknown", 999, {0}},
    {"unknown.far", 0x3fffffff, {0}},
    {"ioctl", SYS_ioctl, {0, 0x5412, ADDRESS("x")}},                 // TIOCSTI
    {"ioctl.high", SYS_ioctl, {0, 0x5412 | HIGH_BIT, ADDRESS("x")}}, // the kernel looks at 32 bits
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
    long result = syscall(call->number, a[0], a[1], a[2], a[3], a[4]);
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
