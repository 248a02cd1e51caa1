/* Gives a directory inodes of the slot's own: a read-only overlay. */
#include "tree/cover.h"

#include <linux/mount.h>

#include "sys.h"
#include "text.h"

enum { PATH_BYTES = 4096 };

int cover_mount(const char *source, const char *staging, const char *target) {
    char path[PATH_BYTES], layers[PATH_BYTES];
    const char *parts[] = {staging, "/", target, 0};
    /* The option names the directory ".", since its real name may contain characters with a meaning there.
     * The second layer is empty, until proc is mounted: without an upper layer the kernel requires two. */
    const char *options[] = {"lowerdir=.:", staging, "/proc", 0};
    int CLEANUP_CLOSE dir = sys_openat(AT_FDCWD, source, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
    int result = dir < 0 ? dir : text_join(path, sizeof path, parts);
    if (result == 0)
        result = text_join(layers, sizeof layers, options);
    if (result == 0)
        result = (int)SYS_CALL_1(__NR_fchdir, dir);
    if (result == 0)
        result = (int)sys_mount("overlay", path, "overlay", MS_RDONLY | MS_NOSUID | MS_NODEV, layers);
    SYS_CALL_1(__NR_chdir, "/");
    return result;
}
