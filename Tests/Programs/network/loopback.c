// Talks to itself over lo: `tcp PORT`, `tcp6 PORT`, `udp PORT`; `knock PORT` prints the result of a
// connection to that port; `shape` prints the interfaces and the number of routes, `interfaces` those that
// getifaddrs returns.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

union address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
};

static socklen_t fill(union address *address, int family, int port) {
    memset(address, 0, sizeof *address);
    address->any.sa_family = (sa_family_t)family;
    if (family == AF_INET) {
        address->four.sin_port = htons((uint16_t)port);
        address->four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return sizeof address->four;
    }
    address->six.sin6_port = htons((uint16_t)port);
    address->six.sin6_addr = in6addr_loopback;
    return sizeof address->six;
}

static int fail(const char *what) {
    printf("%s %s\n", what, strerrorname_np(errno));
    return 1;
}

// The server closes first, so that its side stays in TIME_WAIT; it does not use SO_REUSEADDR.
static int tcp(int family, int port) {
    union address address;
    socklen_t size = fill(&address, family, port);
    char word[8] = "";
    int server = socket(family, SOCK_STREAM, 0);
    if (server < 0)
        return fail("socket");
    if (bind(server, &address.any, size) != 0)
        return fail("bind");
    if (listen(server, 1) != 0)
        return fail("listen");
    if (fork() == 0) {
        int client = socket(family, SOCK_STREAM, 0);
        if (connect(client, &address.any, size) != 0 || write(client, "ping", 4) != 4)
            _exit(1);
        while (read(client, word, sizeof word) > 0) {
        }
        _exit(0);
    }
    int peer = accept(server, NULL, NULL);
    if (peer < 0 || read(peer, word, sizeof word) <= 0)
        return fail("accept");
    close(peer);
    int status;
    wait(&status);
    printf("%s %d\n", word, status);
    return 0;
}

static int udp(int port) {
    union address address;
    socklen_t size = fill(&address, AF_INET, port);
    char word[8] = "";
    int one = socket(AF_INET, SOCK_DGRAM, 0), other = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
    if (one < 0 || other < 0)
        return fail("socket");
    if (bind(one, &address.any, size) != 0)
        return fail("bind");
    if (sendto(other, "ping", 4, 0, &address.any, size) != 4 || recv(one, word, sizeof word, 0) != 4)
        return fail("send");
    puts(word);
    return 0;
}

static int knock(int port) {
    union address address;
    socklen_t size = fill(&address, AF_INET, port);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    if (client < 0)
        return fail("socket");
    if (connect(client, &address.any, size) != 0)
        return fail("connect");
    puts("connected");
    return 0;
}

static int shape(void) {
    char line[256];
    int routes = -1; /* without the heading */
    FILE *devices = fopen("/proc/net/dev", "r"), *table = fopen("/proc/net/route", "r");
    while (devices != NULL && fgets(line, sizeof line, devices) != NULL)
        if (strchr(line, ':') != NULL)
            printf("%.*s\n", (int)strcspn(line + strspn(line, " "), ":"), line + strspn(line, " "));
    while (table != NULL && fgets(line, sizeof line, table) != NULL)
        routes++;
    printf("%d\n", routes);
    return 0;
}

static int interfaces(void) {
    struct if_nameindex *all = if_nameindex();
    if (all == NULL)
        return fail("if_nameindex");
    for (struct if_nameindex *one = all; one->if_index != 0; one++)
        printf("%s\n", one->if_name);
    return 0;
}

int main(int argc, char **argv) {
    int port = argc > 2 ? atoi(argv[2]) : 0;
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "tcp") == 0)
        return tcp(AF_INET, port);
    if (strcmp(what, "tcp6") == 0)
        return tcp(AF_INET6, port);
    if (strcmp(what, "udp") == 0)
        return udp(port);
    if (strcmp(what, "knock") == 0)
        return knock(port);
    if (strcmp(what, "interfaces") == 0)
        return interfaces();
    return strcmp(what, "shape") == 0 ? shape() : 2;
}
