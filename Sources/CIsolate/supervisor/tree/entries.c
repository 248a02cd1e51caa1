/* Makes the entries of trees: directories, files, links, copies; removes one. */
#include "tree/entries.h"

#include <asm/stat.h>

#include "config.h"
#include "sys.h"
#include "text.h"

enum { PATH_BYTES = 512, COPY_BYTES = 16 << 10 };

static int make_parents(int root, const char *path) {
    char part[PATH_BYTES];
    for (size_t i = 0; path[i] != 0; i++) {
        if (i + 1 >= sizeof part)
            return -ENAMETOOLONG;
        if (path[i] == '/') {
            part[i] = 0;
            int result = (int)SYS_CALL_3(__NR_mkdirat, root, part, 0755);
            if (result < 0 && result != -EEXIST)
                return result;
        }
        part[i] = path[i];
    }
    return 0;
}

int entry_make_empty_file(int root, const char *path) {
    int result = make_parents(root, path);
    return result < 0 ? result : sys_openat(root, path, O_WRONLY | O_CREAT | O_EXCL, 0644);
}

int entry_make_file(int root, const char *path, const struct isolate_config *config,
                    const struct isolate_file *file) {
    const char *text = config_text(config, file->text);
    int CLEANUP_CLOSE fd = entry_make_empty_file(root, path);
    if (fd < 0)
        return fd;
    for (size_t done = 0; done < file->text_bytes;) {
        long n = sys_write(fd, text + done, file->text_bytes - done);
        if (n < 0)
            return (int)n;
        done += (size_t)n;
    }
    return 0;
}

int entry_make_directory(int root, const char *path, int mode) {
    int result = make_parents(root, path);
    if (result == 0)
        result = (int)SYS_CALL_3(__NR_mkdirat, root, path, mode);
    return result == -EEXIST ? 0 : result;
}

int entry_make_link(int root, const char *to, const char *path) {
    int result = make_parents(root, path);
    return result < 0 ? result : (int)SYS_CALL_3(__NR_symlinkat, to, root, path);
}

static int copy_file(const char *from, int to) {
    char buffer[COPY_BYTES];
    int CLEANUP_CLOSE source = sys_openat(AT_FDCWD, from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    long n = source;
    while (source >= 0 && (n = sys_read(source, buffer, sizeof buffer)) > 0)
        for (long done = 0; done < n;) {
            long written = sys_write(to, buffer + done, (size_t)(n - done));
            if (written < 0)
                return (int)written;
            done += written;
        }
    return n < 0 ? (int)n : 0;
}

int entry_make_copy(int root, const char *target, const char *from) {
    struct stat status;
    int CLEANUP_CLOSE fd = entry_make_empty_file(root, target);
    int result = fd < 0 ? fd : copy_file(from, fd);
    if (result == 0)
        result = (int)SYS_CALL_4(__NR_newfstatat, AT_FDCWD, from, &status, AT_SYMLINK_NOFOLLOW);
    if (result == 0)
        result = (int)SYS_CALL_2(__NR_fchmod, fd, status.st_mode & 0777);
    return result;
}

int entry_remove(int dir, const char *name) {
    int result = (int)SYS_CALL_3(__NR_unlinkat, dir, name, 0);
    if (result != -EISDIR && result != -EPERM)
        return result;
    result = (int)SYS_CALL_3(__NR_unlinkat, dir, name, AT_REMOVEDIR);
    return result == -ENOTEMPTY || result == -EEXIST ? 1 : result;
}
