// Sends data over lo that no process reads, by as many connections as it may have: `tcp` or `udp`. Prints by
// how many MiB the kernel's memory for the whole host's sockets grew.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 40, LARGE = 64 << 20 };

static char block[60000];

static long pages(const char *protocol) {
    char line[256];
    long found = 0;
    FILE *file = fopen("/proc/net/sockstat", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, protocol, 4) == 0 && strstr(line, "mem ") != NULL)
            sscanf(strstr(line, "mem "), "mem %ld", &found);
    if (file != NULL)
        fclose(file);
    return found;
}

static void widen(int fd) {
    int large = LARGE;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &large, sizeof large);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
}

static struct sockaddr_in at(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static int by_connection(void) {
    struct sockaddr_in address = at(5000);
    int server = socket(AF_INET, SOCK_STREAM, 0);
    widen(server);
    if (bind(server, (struct sockaddr *)&address, sizeof address) != 0 || listen(server, CONNECTIONS) != 0)
        return 2;
    for (int i = 0; i < CONNECTIONS; i++) {
        int client = socket(AF_INET, SOCK_STREAM, 0);
        widen(client);
        if (connect(client, (struct sockaddr *)&address, sizeof address) != 0 ||
            accept(server, NULL, NULL) < 0)
            break;
        fcntl(client, F_SETFL, O_NONBLOCK);
        for (int refused = 0; refused < 3;) {
            int is_sent = write(client, block, sizeof block) > 0;
            refused = is_sent ? 0 : refused + 1;
            if (!is_sent)
                usleep(2000);
        }
    }
    return 0;
}

static int by_datagram(void) {
    int client = socket(AF_INET, SOCK_DGRAM, 0);
    widen(client);
    for (int i = 0; i < CONNECTIONS; i++) {
        struct sockaddr_in address = at(6000 + i);
        int server = socket(AF_INET, SOCK_DGRAM, 0);
        widen(server);
        if (bind(server, (struct sockaddr *)&address, sizeof address) != 0)
            return 2;
        for (int k = 0; k < 300; k++)
            sendto(client, block, sizeof block, MSG_DONTWAIT, (struct sockaddr *)&address, sizeof address);
    }
    return 0;
}

int main(int argc, char **argv) {
    int is_tcp = argc < 2 || strcmp(argv[1], "tcp") == 0;
    const char *protocol = is_tcp ? "TCP:" : "UDP:";
    long before = pages(protocol);
    int result = is_tcp ? by_connection() : by_datagram();
    printf("%ld\n", (pages(protocol) - before) >> 8);
    return result;
}
