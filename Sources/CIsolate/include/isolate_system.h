/* Headers of the system that Swift's own Glibc module lacks; the library's event loop needs them. */
#ifndef ISOLATE_SYSTEM_H
#define ISOLATE_SYSTEM_H

#include <sys/epoll.h>
#include <sys/eventfd.h>

#endif
