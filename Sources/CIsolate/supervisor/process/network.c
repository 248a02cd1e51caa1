/* The network namespace of a slot, and of each cell whose program may use the network: it has only lo. */
#include "process/network.h"

#include <linux/if.h>
#include <linux/sockios.h>

#include "slot_state.h"
#include "sys.h"

int network_bring_loopback_up(void) {
    int CLEANUP_CLOSE fd = (int)SYS_CALL_3(__NR_socket, SYS_AF_INET, SYS_SOCK_DGRAM | SYS_SOCK_CLOEXEC, 0);
    struct ifreq request = {.ifr_ifrn.ifrn_name = "lo"};
    long result = fd < 0 ? fd : SYS_CALL_3(__NR_ioctl, fd, SIOCGIFFLAGS, &request);
    request.ifr_ifru.ifru_flags |= IFF_UP;
    if (result == 0)
        result = SYS_CALL_3(__NR_ioctl, fd, SIOCSIFFLAGS, &request);
    return (int)result;
}

void network_bound_buffers(const struct slot *slot) {
    /* Least, default and most bytes of a socket's buffer: without a memory cgroup, bytes that are sent and
     * not read are charged to no account. */
    static const char *const files[] = {"sys/net/ipv4/tcp_rmem", "sys/net/ipv4/tcp_wmem"};
    for (unsigned i = 0; i < sizeof files / sizeof files[0]; i++) {
        int CLEANUP_CLOSE fd = sys_openat(slot->proc, files[i], O_WRONLY, 0);
        if (fd >= 0)
            sys_write(fd, "4096 65536 262144", 17);
    }
}

int network_is_per_cell(const struct slot *slot) {
    return slot->config->network == ISOLATE_NETWORK_LOOPBACK && has_feature(slot, ISOLATE_FEATURE_NET_NS);
}
