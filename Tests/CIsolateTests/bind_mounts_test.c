/* Directories of the host below a program's root: what is refused, what a program sees, and that none of it
 * stays. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../Sources/CIsolate/client/internal.h"
#include "isolate_details.h"
#include "leaks.h"
#include "support.h"
#include "test.h"

static char place[] = "/tmp/bind mounts,lowerdir=:\\XXXXXX";

static const char *in_place(const char *name) {
    static char paths[8][256];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", place, name);
    return path;
}

static void write_text(const char *name, const char *text) {
    FILE *file = fopen(in_place(name), "we");
    CHECK(file != NULL);
    CHECK(fputs(text, file) >= 0);
    CHECK_OK(fclose(file));
}

static void make_place(void) {
    CHECK(mkdtemp(place) != NULL);
    CHECK_OK(chmod(place, 0755));
    CHECK_OK(mkdir(in_place("below"), 0755));
    CHECK_OK(mkfifo(in_place("fifo"), 0666));
    CHECK_OK(chmod(in_place("fifo"), 0666));
    CHECK_OK(symlink("/etc/passwd", in_place("link")));
    write_text("text", "of the host\n");
    write_text("below/text", "further down\n");
    write_text("secret", "closed\n");
    CHECK_OK(chmod(in_place("secret"), 0600));
}

static void remove_place(void) {
    static const char *const names[] = {"fifo", "link", "text", "below/text", "secret"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        CHECK_OK(unlink(in_place(names[i])));
    CHECK_OK(rmdir(in_place("below")));
    CHECK_OK(rmdir(place));
}

static int start_with(const isolate_bind_mount *mounts, size_t count, int is_writable,
                      isolate_supervisor *supervisor, isolate_failure *failure) {
    isolate_start_options options = start_options(0);
    options.is_writable = is_writable;
    options.bind_mounts = mounts;
    options.bind_mount_count = count;
    return isolate_supervisor_start(&options, supervisor, failure);
}

/* ---- targets ---- */

TEST(bind_mount_targets) {
    static const char *const accepted[] = {"/data",    "/a/b/c",   "/usr", "/worker",
                                           "/opt/x y", "/etc/..x", "/...", "/tmpx/a"};
    static const char *const refused[] = {
        "",        "data",       "/",     "//data",     "/data/", "/data//a",  "/.",   "/..",
        "/a/../b", "/a/./b",     "/work", "/work/a",    "/tmp",   "/tmp/a/b",  "/dev", "/dev/shm",
        "/proc",   "/proc/self", "/run",  "/run/image", "/sys",   "/sys/class"};
    char longest[ISOLATE_BIND_MOUNT_PATH_BYTES + 2];
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        test_context("%s", accepted[i]);
        CHECK_EQUAL(isolate_internal_is_bind_target(accepted[i]), 1);
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        test_context("%s", refused[i]);
        CHECK_EQUAL(isolate_internal_is_bind_target(refused[i]), 0);
    }
    test_context("lengths");
    CHECK_EQUAL(isolate_internal_is_bind_target(NULL), 0);
    memset(longest, 'a', sizeof longest);
    longest[0] = '/';
    longest[100] = '/';
    longest[sizeof longest - 1] = 0;
    CHECK_EQUAL(isolate_internal_is_bind_target(longest), 0);
    longest[sizeof longest - 2] = 0;
    CHECK_EQUAL(isolate_internal_is_bind_target(longest), 1);
}

/* ---- what is refused ---- */

static void expect_refusal(const char *source, const char *target, int is_writable, int error, int step) {
    const isolate_bind_mount mounts[] = {{"/usr", "/first"}, {source, target}};
    isolate_supervisor supervisor;
    isolate_failure failure;
    test_context("%s at %s", source, target);
    int result = start_with(mounts, 2, is_writable, &supervisor, &failure);
    CHECK_EQUAL(result < 0, 1);
    CHECK_TEXT(isolate_stage_name(failure.stage), "bindMount");
    CHECK_EQUAL(failure.errno_value, error);
    CHECK_EQUAL(failure.index, step | 1);
    CHECK_EQUAL(supervisor.socket, -1);
}

TEST(bind_mounts_that_are_refused) {
    struct snapshot *before = snapshot_take();
    make_place();
    for (int is_writable = 0; is_writable < 2; is_writable++) {
        const int request = ISOLATE_DETAIL_BIND_MOUNT_REQUEST, source = ISOLATE_DETAIL_BIND_MOUNT_SOURCE,
                  target = ISOLATE_DETAIL_BIND_MOUNT_TARGET;
        expect_refusal(place, "/work/data", is_writable, EINVAL, request);
        expect_refusal("/dev/pts", "/data", is_writable, EPERM, request);
        expect_refusal("relative", "/data", is_writable, EINVAL, source);
        expect_refusal(in_place("missing"), "/data", is_writable, ENOENT, source);
        expect_refusal(in_place("text"), "/data", is_writable, ENOTDIR, source);
        expect_refusal(in_place("fifo"), "/data", is_writable, ENOTDIR, source);
        expect_refusal("/", "/data", is_writable, EPERM, request);
        expect_refusal("/usr/..", "/data", is_writable, EPERM, request);
        expect_refusal("/proc", "/data", is_writable, EPERM, request);
        expect_refusal("/proc/self/task", "/data", is_writable, EPERM, request);
        expect_refusal("/proc/self/root", "/data", is_writable, EPERM, request);
        expect_refusal("/sys/kernel", "/data", is_writable, EPERM, request);
        /* In a directory of the image nothing is made, and no link is followed. */
        expect_refusal(place, "/usr/is-not-there", is_writable, ENOENT, target);
        expect_refusal(place, "/usr/bin/env", is_writable, ENOTDIR, target);
        expect_refusal(place, "/first/bin/is-not-there", is_writable, ENOENT, target);
    }
    test_context("too many");
    isolate_bind_mount many[ISOLATE_BIND_MOUNT_MAX + 1];
    isolate_supervisor supervisor;
    isolate_failure failure;
    for (int i = 0; i <= ISOLATE_BIND_MOUNT_MAX; i++)
        many[i] = (isolate_bind_mount){place, "/data"};
    CHECK_EQUAL(start_with(many, ISOLATE_BIND_MOUNT_MAX + 1, 0, &supervisor, &failure), -E2BIG);
    test_context("no mount namespace");
    isolate_start_options options = start_options(0);
    options.avoid = ISOLATE_AVOID_NAMESPACES;
    options.least_level = ISOLATE_LEVEL_MINIMAL;
    options.bind_mounts = many;
    options.bind_mount_count = 1;
    CHECK_EQUAL(isolate_supervisor_start(&options, &supervisor, &failure), -EPERM);
    CHECK_TEXT(isolate_stage_name(failure.stage), "bindMount");
    remove_place();
    snapshot_check(before);
}

/* A file system mounted below would be invisible through the overlay, so the whole is refused instead of
 * shown in part. */
TEST(bind_mount_with_another_file_system_below) {
    make_place();
    if (mount("sandbox-test", in_place("below"), "tmpfs", 0, "size=1m") != 0) {
        test_note("skipped: mounting needs root");
        remove_place();
        return;
    }
    isolate_supervisor supervisor;
    isolate_failure failure;
    const isolate_bind_mount mounts[] = {{place, "/data"}};
    int result = start_with(mounts, 1, 0, &supervisor, &failure);
    CHECK_OK(umount(in_place("below")));
    CHECK_EQUAL(result < 0, 1);
    CHECK_EQUAL(failure.errno_value, EXDEV);
    CHECK_EQUAL(failure.index, ISOLATE_DETAIL_BIND_MOUNT_SOURCE);
    remove_place();
}

TEST(bind_mount_lines_of_mountinfo) {
    static const struct {
        const char *line, *path;
        int is_below;
    } cases[] = {
        {"36 35 98:0 / /data/below rw,noatime - ext4 /dev/root rw", "/data", 1},
        {"36 35 98:0 / /data rw - ext4 /dev/root rw", "/data", 0},
        {"36 35 98:0 / /database rw - ext4 /dev/root rw", "/data", 0},
        {"36 35 98:0 / /a\\040b\\134/c rw - ext4 /dev/root rw", "/a b\\", 1},
        {"36 35 98:0 /data/x /other rw - ext4 /dev/root rw", "/data", 0},
        {"36 35 98:0 /", "/data", 0},
        {"", "/data", 0},
        {"36 35 98:0 / /data/\\04", "/data", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[256];
        test_context("%s", cases[i].line);
        snprintf(line, sizeof line, "%s", cases[i].line);
        CHECK_EQUAL(isolate_internal_is_mount_below(line, cases[i].path), cases[i].is_below);
    }
}

/* ---- what a program sees ---- */

static void use_bind_mounts(int is_writable) {
    const isolate_bind_mount mounts[] = {{place, "/data"},
                                         {place, "/deep/er/down"},
                                         {in_place("below"), "/usr/share"},
                                         {"/usr", "/data/below"}};
    isolate_supervisor supervisor;
    isolate_failure failure;
    isolate_sandbox sandbox;
    int result = start_with(mounts, 4, is_writable, &supervisor, &failure);
    test_context("writable %d: stage %s, errno %d, step %x", is_writable, isolate_stage_name(failure.stage),
                 failure.errno_value, (unsigned)failure.index);
    CHECK_EQUAL(result, 0);
    /* A reader, with which a program could open the host's own FIFO for writing. */
    int fifo = open(in_place("fifo"), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    CHECK(fifo >= 0);
    for (int round = 0; round < 2; round++) {
        open_sandbox(&supervisor, &sandbox);
        test_context("writable %d, round %d", is_writable, round);
        expect_exit(&sandbox, "read line < /data/text && [ \"$line\" = 'of the host' ]", 0);
        expect_exit(&sandbox, "read line < /deep/er/down/below/text && [ \"$line\" = 'further down' ]", 0);
        expect_exit(&sandbox, "read line < /usr/share/text && [ \"$line\" = 'further down' ]", 0);
        expect_exit(&sandbox, "/data/below/bin/env true", 0);
        expect_exit(
            &sandbox,
            "[ \"$(readlink /data/link)\" = /etc/passwd ] && ! grep -q root:x:0:0:root:/root /data/link", 0);
        for (int i = 0; i < 5; i++) {
            static const char *const writes[] = {"echo x > /data/new", "echo x >> /data/text",
                                                 "rm -f /data/text", "mv /data/text /data/other",
                                                 "chmod 777 /data/text"};
            test_context("writable %d: %s", is_writable, writes[i]);
            isolate_result run = run_shell(&sandbox, writes[i], NULL);
            CHECK_EQUAL(run.outcome.kind, ISOLATE_OUTCOME_EXITED);
            CHECK(run.outcome.value != 0);
            isolate_result_free(&run);
        }
        test_context("writable %d: the FIFO", is_writable);
        expect_exit(&sandbox, "dd if=/data/text of=/data/fifo oflag=nonblock conv=notrunc 2>/dev/null", 1);
        if (getuid() == 0)
            expect_exit(&sandbox, "cat /data/secret 2>/dev/null", 1);
        /* The source's own name is nowhere: mountinfo shows the overlay. */
        expect_exit(&sandbox, "! grep -q 'bind.*mounts' /proc/self/mountinfo", 0);
        isolate_sandbox_close(&sandbox);
    }
    CHECK_OK(close(fifo));
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
}

TEST(bind_mounts_are_read_only) {
    struct snapshot *before = snapshot_take();
    make_place();
    use_bind_mounts(0);
    use_bind_mounts(1);
    remove_place();
    snapshot_check(before);
}

/* A directory that is gone, or that another one replaced, fails the next sandbox, with its position. */
TEST(bind_mount_of_a_directory_that_goes) {
    make_place();
    const isolate_bind_mount mounts[] = {{in_place("below"), "/data"}};
    isolate_supervisor supervisor;
    isolate_failure failure;
    isolate_sandbox sandbox, next;
    CHECK_EQUAL(start_with(mounts, 1, 0, &supervisor, &failure), 0);
    open_sandbox(&supervisor, &sandbox);
    CHECK_OK(unlink(in_place("below/text")));
    CHECK_OK(rmdir(in_place("below")));
    CHECK_EQUAL(isolate_sandbox_open(&supervisor, 1 << 20, &next, &failure), -ENOENT);
    CHECK_TEXT(isolate_stage_name(failure.stage), "bindMount");
    CHECK_EQUAL(failure.index, ISOLATE_DETAIL_BIND_MOUNT_SOURCE);
    isolate_sandbox_close(&sandbox);
    /* Another directory in its place is not what was checked, also with the same inode's number, which many
     * file systems give again at once; nor is one that a link leads to. */
    CHECK_OK(mkdir(in_place("below"), 0755));
    write_text("below/text", "new\n");
    CHECK_EQUAL(isolate_sandbox_open(&supervisor, 1 << 20, &next, &failure), -ESTALE);
    CHECK_OK(rename(in_place("below"), in_place("moved")));
    CHECK_OK(symlink("moved", in_place("below")));
    CHECK_EQUAL(isolate_sandbox_open(&supervisor, 1 << 20, &next, &failure), -ELOOP);
    CHECK_OK(unlink(in_place("below")));
    CHECK_OK(rename(in_place("moved"), in_place("below")));
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
    remove_place();
}
