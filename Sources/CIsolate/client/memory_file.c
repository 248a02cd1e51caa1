/* Files without a name, through which this process hands bytes to another one. */
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

int isolate_internal_write_all(int fd, const void *data, size_t bytes) {
    for (size_t done = 0; done < bytes;) {
        ssize_t n = write(fd, (const char *)data + done, bytes - done);
        if (n >= 0)
            done += (size_t)n;
        else if (errno != EINTR)
            return -errno;
    }
    return 0;
}

int isolate_internal_seal(int fd) {
    return fcntl(fd, F_ADD_SEALS, ISOLATE_SEALS) == 0 ? 0 : -errno;
}

int isolate_memory_file(const void *data, size_t bytes) {
    /* Linux 6.3 to 6.5 refuse a file without the flag where vm.memfd_noexec is 2, older kernels one with it.
     */
    int fd = memfd_create("isolate", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL)
        fd = memfd_create("isolate", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    int result = isolate_internal_write_all(fd, data, bytes);
    if (result == 0 && lseek(fd, 0, SEEK_SET) != 0)
        result = -errno;
    if (result == 0)
        result = isolate_internal_seal(fd);
    if (result == 0)
        return fd;
    close(fd);
    return result;
}
