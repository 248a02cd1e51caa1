"""What libraries try when they are imported, and do without: sockets, netlink, a name server, ptrace."""
import ctypes
import socket
import uuid


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
            return True
    except OSError:
        return False


def look_up(name):
    try:
        return len(socket.getaddrinfo(name, 80)) > 0
    except OSError:
        return False


libc = ctypes.CDLL(None, use_errno=True)
traced = libc.ptrace(0, 0, 0, 0) == 0
interfaces = libc.getifaddrs(ctypes.byref(ctypes.c_void_p())) == 0
print(has_ipv6(), look_up("no-such-host.invalid"), len(str(uuid.uuid1())), traced, interfaces)
