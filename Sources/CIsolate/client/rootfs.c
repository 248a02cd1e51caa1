/* Chooses the contents of a root file system: the host's own directories, or the top level of an image's. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

static void add_bind(struct config_builder *b, enum isolate_bind_kind kind, const char *source,
                     const char *target) {
    if (b->config->bind_count == ISOLATE_BIND_MAX) {
        b->error = -E2BIG;
        return;
    }
    struct isolate_bind bind = {kind, isolate_internal_add_text(b, source),
                                isolate_internal_add_text(b, target)};
    b->config->binds[b->config->bind_count++] = bind;
}

static int is_empty_directory(const char *path) {
    DIR *list = opendir(path);
    int count = 0;
    for (struct dirent *entry; list != NULL && count == 0 && (entry = readdir(list)) != NULL;)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    if (list != NULL)
        closedir(list);
    return list != NULL && count == 0;
}

/* Adds a link as a link and binds a directory or file; leaves out what does not exist. */
static void add_path(struct config_builder *b, const char *path, const char *source, const char *target) {
    struct stat status;
    char link[PATH_MAX + 1];
    if (lstat(path, &status) != 0)
        return;
    if (S_ISLNK(status.st_mode)) {
        ssize_t n = readlink(path, link, sizeof link - 1);
        if (n == sizeof link - 1)
            b->error = -ENAMETOOLONG; /* never a truncated path */
        if (n > 0) {
            link[n] = 0;
            add_bind(b, ISOLATE_BIND_LINK, link, target);
        }
    } else if (S_ISDIR(status.st_mode)) {
        add_bind(b, is_empty_directory(path) ? ISOLATE_BIND_EMPTY : ISOLATE_BIND_TREE, source, target);
    } else if (S_ISREG(status.st_mode)) {
        add_bind(b, ISOLATE_BIND_FILE, source, target);
    }
}

static void add_matches(struct config_builder *b, const char *const *patterns, size_t count) {
    for (size_t i = 0; i < count; i++) {
        glob_t found = {0};
        if (glob(patterns[i], 0, NULL, &found) == 0)
            for (size_t k = 0; k < found.gl_pathc; k++)
                add_path(b, found.gl_pathv[k], found.gl_pathv[k], found.gl_pathv[k] + 1);
        globfree(&found);
    }
}

static void add_host(struct config_builder *b) {
    static const char *const host[] = {
        "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
        /* what dynamic linking, cc and c++, and local time need of /etc; nothing here identifies the host */
        "/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime", "/etc/protocols", "/etc/services",
        /* targets of links that distributions put into /usr: settings of languages and libraries, no secrets.
         * A search for all such links would take seconds. */
        "/etc/java-[0-9]*", "/etc/python3.*", "/etc/ssl/openssl.cnf", "/etc/ssl/certs", "/etc/pki/tls/certs",
        "/etc/pki/java", "/etc/pki/ca-trust/extracted", "/etc/crypto-policies", "/etc/maven", "/etc/R",
        "/etc/php", "/etc/ghc", "/etc/octave.conf", "/etc/mono", "/etc/erlang", "/etc/groff", "/etc/fpc.cfg",
        "/etc/fpc-[0-9]*.cfg", "/etc/locale.alias", "/etc/mime.types",
        /* GHC's list of libraries, which Debian keeps in /var */
        "/var/lib/ghc"};
    add_matches(b, host, sizeof host / sizeof host[0]);
}

/* At level minimal, in the host's own tree: programs that find these files do not expect to be refused. A
 * root of the sandbox's own does not have them. */
static void add_settings(struct config_builder *b) {
    static const char *const settings[] = {"/etc/python3*/sitecustomize.py",
                                           "/etc/mime.types",
                                           "/etc/ssl/openssl.cnf",
                                           "/etc/matplotlibrc",
                                           "/etc/fonts",
                                           "/etc/gai.conf",
                                           "/etc/host.conf",
                                           "/etc/ld.so.conf"};
    add_matches(b, settings, sizeof settings / sizeof settings[0]);
}

/* Directories that the sandbox makes itself in every image. */
static int is_ours(const char *name) {
    static const char *const names[] = {".", "..", "dev", "proc", "run", "sys", "tmp", "work"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            return 1;
    return 0;
}

static int add_image(struct config_builder *b, const char *root) {
    char path[4096];
    DIR *list = opendir(root);
    if (list == NULL)
        return -errno;
    b->config->image_root = isolate_internal_add_text(b, root);
    for (struct dirent *entry; (entry = readdir(list)) != NULL;)
        if (!is_ours(entry->d_name)) {
            if ((size_t)snprintf(path, sizeof path, "%s/%s", root, entry->d_name) >= sizeof path)
                b->error = -ENAMETOOLONG;
            add_path(b, path, entry->d_name, entry->d_name);
        }
    closedir(list);
    return 0;
}

static void add_devices(struct config_builder *b) {
    static const char *const devices[] = {"null", "zero", "full", "random", "urandom", "tty"};
    static const char *const links[][2] = {{"/proc/self/fd", "dev/fd"},
                                           {"/proc/self/fd/0", "dev/stdin"},
                                           {"/proc/self/fd/1", "dev/stdout"},
                                           {"/proc/self/fd/2", "dev/stderr"},
                                           {"pts/ptmx", "dev/ptmx"}};
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++) {
        char source[32];
        snprintf(source, sizeof source, "/dev/%s", devices[i]);
        add_bind(b, ISOLATE_BIND_DEVICE, source, source + 1);
    }
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        add_bind(b, ISOLATE_BIND_LINK, links[i][0], links[i][1]);
}

static void add_file(struct config_builder *b, const char *path, const char *text) {
    struct isolate_file file = {isolate_internal_add_text(b, path), isolate_internal_add_text(b, text),
                                (uint32_t)strlen(text), 0};
    b->config->files[b->config->file_count++] = file;
}

static void add_files(struct config_builder *b) {
    add_file(b, "etc/passwd",
             "root:x:0:0:root:/:/usr/sbin/nologin\n"
             "sandbox:x:1000:1000:sandbox:/work:/bin/sh\n"
             "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n");
    add_file(b, "etc/group", "root:x:0:\nsandbox:x:1000:\nnogroup:x:65534:\n");
    /* Resolves names from files only: no lookup leaves the sandbox. */
    add_file(b, "etc/nsswitch.conf",
             "passwd: files\ngroup: files\nshadow: files\nhosts: files\nnetworks: files\nprotocols: files\n"
             "services: files\n");
    add_file(b, "etc/hosts", "127.0.0.1 localhost sandbox\n");
    add_file(b, "etc/hostname", "sandbox\n");
}

enum { NAMES_MAX = 48 << 10 };

/* Whether a line of /etc/passwd or /etc/group has this value in a field, counted from 0, that is not its
 * last. */
static int has_field(const char *text, int field, const char *value) {
    size_t length = strlen(value);
    for (const char *line = text; *line != 0;) {
        const char *end = strchrnul(line, '\n'), *at = line;
        for (int i = 0; i < field && at != NULL; i++) {
            at = memchr(at, ':', (size_t)(end - at));
            if (at != NULL)
                at++;
        }
        if (at != NULL && (size_t)(end - at) > length && memcmp(at, value, length) == 0 && at[length] == ':')
            return 1;
        line = *end != 0 ? end + 1 : end;
    }
    return 0;
}

/* Adds the image's file with a line for the program's user, unless it already has both the uid and the name
 * in USER. A file that is no text of usual size stays unchanged. */
static void add_user(struct config_builder *b, int etc, const char *name, const char *path,
                     const char *line) {
    struct stat status;
    int CLEANUP_CLOSE fd = openat(etc, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size > NAMES_MAX)
        return;
    char *text = calloc(1, NAMES_MAX + 256);
    ssize_t n = text != NULL ? read(fd, text, NAMES_MAX) : -1;
    if (n == status.st_size && strlen(text) == (size_t)n &&
        !(has_field(text, 2, "1000") && has_field(text, 0, "sandbox"))) {
        if (n > 0 && text[n - 1] != '\n')
            text[n++] = '\n';
        strcpy(text + n, line);
        add_file(b, path, text);
        b->config->files[b->config->file_count - 1].is_over = 1;
    }
    free(text);
}

/* An image seldom has an entry for the program's user, and some programs stop when their uid has no name. In
 * a writable root the user is root. */
static void add_user_to_image(struct config_builder *b, const char *root) {
    if (b->config->features & ISOLATE_FEATURE_WRITABLE)
        return;
    int CLEANUP_CLOSE top = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int CLEANUP_CLOSE etc = top < 0 ? -1 : openat(top, "etc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (etc < 0)
        return;
    add_user(b, etc, "passwd", "etc/passwd", "sandbox:x:1000:1000:sandbox:/work:/bin/sh\n");
    add_user(b, etc, "group", "etc/group", "sandbox:x:1000:\n");
}

static void add_masks(struct config_builder *b) {
    static const struct {
        const char *path;
        uint32_t kind;
    } masks[] = {{"/proc/cmdline", ISOLATE_MASK_FILE},
                 {"/proc/partitions", ISOLATE_MASK_FILE},
                 {"/proc/diskstats", ISOLATE_MASK_FILE},
                 {"/proc/kcore", ISOLATE_MASK_FILE},
                 {"/proc/keys", ISOLATE_MASK_FILE},
                 {"/proc/key-users", ISOLATE_MASK_FILE},
                 {"/proc/kallsyms", ISOLATE_MASK_FILE},
                 {"/proc/kmsg", ISOLATE_MASK_FILE},
                 {"/proc/modules", ISOLATE_MASK_FILE},
                 {"/proc/timer_list", ISOLATE_MASK_FILE},
                 {"/proc/sched_debug", ISOLATE_MASK_FILE},
                 {"/proc/sysrq-trigger", ISOLATE_MASK_READ_ONLY},
                 {"/proc/latency_stats", ISOLATE_MASK_FILE},
                 {"/proc/interrupts", ISOLATE_MASK_FILE},
                 {"/proc/acpi", ISOLATE_MASK_DIRECTORY},
                 {"/proc/scsi", ISOLATE_MASK_DIRECTORY},
                 {"/proc/bus", ISOLATE_MASK_DIRECTORY},
                 {"/proc/fs", ISOLATE_MASK_DIRECTORY},
                 {"/proc/irq", ISOLATE_MASK_DIRECTORY},
                 {"/proc/driver", ISOLATE_MASK_DIRECTORY},
                 {"/proc/sys", ISOLATE_MASK_READ_ONLY},
                 /* figures of the whole host: load, memory, interrupts */
                 {"/proc/pressure", ISOLATE_MASK_DIRECTORY},
                 {"/proc/vmstat", ISOLATE_MASK_FILE},
                 {"/proc/zoneinfo", ISOLATE_MASK_FILE},
                 {"/proc/buddyinfo", ISOLATE_MASK_FILE},
                 {"/proc/softirqs", ISOLATE_MASK_FILE},
                 /* reading it stops all file locking on the host for a moment */
                 {"/proc/locks", ISOLATE_MASK_FILE}};
    for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++)
        if (access(masks[i].path, F_OK) == 0) {
            struct isolate_mask mask = {isolate_internal_add_text(b, masks[i].path), masks[i].kind};
            b->config->masks[b->config->mask_count++] = mask;
        }
}

int isolate_internal_add_rootfs(struct config_builder *b, const char *root, isolate_failure *failure) {
    int result = 0;
    if (root != NULL) {
        result = add_image(b, root);
    } else {
        add_host(b);
        if (!(b->config->features & ISOLATE_FEATURE_NAMESPACES))
            add_settings(b);
    }
    if (result < 0) {
        *failure = isolate_internal_failure(ISOLATE_STAGE_BIND, -result, ISOLATE_DETAIL_BIND_CONFIGURATION);
        return result;
    }
    int has_etc = 0;
    for (uint32_t i = 0; root != NULL && i < b->config->bind_count; i++)
        has_etc |= strcmp((const char *)b->config + b->config->binds[i].target, "etc") == 0;
    add_devices(b);
    if (!has_etc)
        add_files(b);
    else /* an image's own /etc is unchanged except for the user's entry */
        add_user_to_image(b, root);
    add_masks(b);
    return 0;
}
