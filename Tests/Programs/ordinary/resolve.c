// flags: -O2
// Resolves `localhost` and a numeric address with getaddrinfo; prints the first one found.
#define _GNU_SOURCE
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int main(void) {
    struct addrinfo hints, *found;
    char text[128];
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    int error = getaddrinfo("localhost", "80", &hints, &found);
    if (error == 0)
        error = getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST);
    if (error == 0)
        error = getaddrinfo("127.0.0.1", NULL, &hints, &found);
    if (error != 0) {
        fprintf(stderr, "%s\n", gai_strerror(error));
        return 1;
    }
    puts(text);
    return 0;
}
