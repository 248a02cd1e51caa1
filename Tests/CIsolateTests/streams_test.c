/* stdin, stdout and stderr; files into and out of /work. */
#include <stdio.h>
#include <stdlib.h>

#include "support.h"
#include "test.h"

static isolate_supervisor supervisor;
static isolate_sandbox sandbox;

static void begin(void) {
    start_supervisor(&supervisor);
    open_sandbox(&supervisor, &sandbox);
    write_victim(&sandbox);
}

static void end(void) {
    isolate_sandbox_close(&sandbox);
    CHECK_EQUAL(isolate_supervisor_stop(&supervisor), 0);
}

TEST(streams_input_bytes) {
    static const size_t sizes[] = {0, 1, 4095, 4096, 65536, 65537, 900000};
    begin();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const char *const arguments[] = {"./victim", "cat", NULL};
        char *input = malloc(sizes[i] + 1);
        for (size_t k = 0; k < sizes[i]; k++)
            input[k] = (char)(k * 7 + k / 256); /* with NULs */
        isolate_command command = {.executable = "./victim",
                                   .arguments = arguments,
                                   .input = input,
                                   .input_bytes = sizes[i],
                                   .output_bytes = 1 << 20};
        isolate_limits limits = wide_limits();
        isolate_result result;
        isolate_failure failure;
        test_context("%zu bytes", sizes[i]);
        CHECK_OK(isolate_sandbox_run(&sandbox, &command, &limits, &result, &failure));
        CHECK_EQUAL(result.outcome.value, 0);
        CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_EXITED);
        CHECK_EQUAL(result.output_bytes, sizes[i]);
        CHECK(sizes[i] == 0 || memcmp(result.output, input, sizes[i]) == 0);
        isolate_result_free(&result);
        free(input);
    }
    end();
}

TEST(streams_output_in_packets) {
    begin();
    isolate_result result = run_victim(&sandbox, "packets", 100000, NULL);
    CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_EXITED);
    CHECK_EQUAL(result.outcome.value, 0);
    CHECK_EQUAL(result.output_bytes, 100000);
    for (size_t i = 0; i < result.output_bytes; i++)
        CHECK_EQUAL(result.output[i], 'a' + (int)(i % 26));
    isolate_result_free(&result);
    end();
}

/* Output of exactly the bound passes, one more byte does not, and the beginning is kept. */
TEST(streams_output_bounds) {
    static const struct {
        int bytes;
        size_t bound;
    } cases[] = {{0, 0},
                 {1, 0},
                 {0, 10},
                 {10, 10},
                 {11, 10},
                 {100, 101},
                 {9999, 100},
                 {65536, 65536},
                 {1048576, 1048576},
                 {1048577, 1048576},
                 {8 << 20, 16 << 20}};
    begin();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char number[16];
        snprintf(number, sizeof number, "%d", cases[i].bytes);
        const char *const arguments[] = {"./victim", "print", number, NULL};
        isolate_command command = {
            .executable = "./victim", .arguments = arguments, .output_bytes = cases[i].bound};
        isolate_limits limits = wide_limits();
        isolate_result result;
        isolate_failure failure;
        int is_exceeded = (size_t)cases[i].bytes > cases[i].bound;
        test_context("%d bytes of %zu", cases[i].bytes, cases[i].bound);
        CHECK_OK(isolate_sandbox_run(&sandbox, &command, &limits, &result, &failure));
        CHECK_EQUAL(result.output_truncated, is_exceeded);
        CHECK_EQUAL(result.outcome.kind, is_exceeded ? ISOLATE_OUTCOME_LIMIT : ISOLATE_OUTCOME_EXITED);
        CHECK_EQUAL(result.outcome.limit, is_exceeded ? ISOLATE_LIMIT_OUTPUT : ISOLATE_LIMIT_NONE);
        CHECK_EQUAL(result.output_bytes, is_exceeded ? cases[i].bound : (size_t)cases[i].bytes);
        for (size_t k = 0; k < result.output_bytes; k += 997)
            CHECK_EQUAL(result.output[k], 'a' + (int)(k % 26));
        CHECK_EQUAL(result.error_bytes, 0);
        isolate_result_free(&result);
    }
    end();
}

TEST(streams_are_apart) {
    begin();
    isolate_result result = run_shell(
        &sandbox, "for i in 1 2 3 4 5 6 7 8 9; do echo out $i; echo err $i >&2; done; pwd; echo \"$HOME\"",
        NULL);
    CHECK_TEXT(result.output,
               "out 1\nout 2\nout 3\nout 4\nout 5\nout 6\nout 7\nout 8\nout 9\n/work\n/work\n");
    CHECK_TEXT(result.error, "err 1\nerr 2\nerr 3\nerr 4\nerr 5\nerr 6\nerr 7\nerr 8\nerr 9\n");
    isolate_result_free(&result);
    end();
}

/* Arguments and environment that fit into a record, and that need a file. */
TEST(streams_arguments_of_every_size) {
    begin();
    for (size_t bytes = 0; bytes < 100000; bytes = bytes * 3 + 500) {
        char *long_one = malloc(bytes + 1), expected[32];
        memset(long_one, 'y', bytes);
        long_one[bytes] = 0;
        const char *const arguments[] = {"sh",   "-c", "echo ${#1} $# \"$NAME\"", "sh", long_one, "",
                                         "last", NULL};
        const char *const environment[] = {"PATH=/bin:/usr/bin", "NAME=a b", NULL};
        isolate_command command = {.executable = "sh",
                                   .arguments = arguments,
                                   .environment = environment,
                                   .directory = "/tmp",
                                   .output_bytes = 100};
        isolate_limits limits = wide_limits();
        isolate_result result;
        isolate_failure failure;
        test_context("%zu bytes", bytes);
        CHECK_OK(isolate_sandbox_run(&sandbox, &command, &limits, &result, &failure));
        CHECK_EQUAL(failure.stage, 0);
        snprintf(expected, sizeof expected, "%zu 3 a b\n", bytes);
        CHECK_TEXT(result.output, expected);
        isolate_result_free(&result);
        free(long_one);
    }
    end();
}

/* A program that cannot be started is reported as such, and the sandbox continues. */
TEST(streams_programs_that_do_not_start) {
    static const struct {
        const char *executable, *directory;
        int stage, error;
    } cases[] = {{"no-such-program", NULL, ISOLATE_STAGE_EXEC, ENOENT},
                 {"./no-such-program", NULL, ISOLATE_STAGE_EXEC, ENOENT},
                 {"/work", NULL, ISOLATE_STAGE_EXEC, EACCES},
                 {"./text", NULL, ISOLATE_STAGE_EXEC, EACCES},
                 {"./empty", NULL, ISOLATE_STAGE_EXEC, ENOEXEC},
                 {"", NULL, ISOLATE_STAGE_EXEC, ENOENT},
                 {"sh", "/no/such/directory", ISOLATE_STAGE_DIRECTORY, ENOENT},
                 {"sh", "/work/text", ISOLATE_STAGE_DIRECTORY, ENOTDIR}};
    isolate_failure failure;
    begin();
    CHECK_OK(isolate_sandbox_write(&sandbox, "text", "words", 5, 0, &failure));
    CHECK_OK(isolate_sandbox_write(&sandbox, "empty", "words", 5, 1, &failure));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const arguments[] = {"x", NULL};
        isolate_command command = {
            .executable = cases[i].executable, .arguments = arguments, .directory = cases[i].directory};
        isolate_limits limits = wide_limits();
        isolate_result result;
        test_context("\"%s\"", cases[i].executable);
        CHECK_EQUAL(isolate_sandbox_run(&sandbox, &command, &limits, &result, &failure), -cases[i].error);
        CHECK_EQUAL(result.outcome.kind, ISOLATE_OUTCOME_FAILED);
        CHECK_TEXT(isolate_stage_name(failure.stage), isolate_stage_name(cases[i].stage));
        CHECK_EQUAL(failure.errno_value, cases[i].error);
        CHECK(result.output == NULL && result.error == NULL);
        expect_exit(&sandbox, "exit 3", 3);
    }
    end();
}

TEST(streams_files_come_and_go) {
    char data[64], large[5000];
    size_t bytes;
    isolate_failure failure;
    begin();
    CHECK_OK(isolate_sandbox_write(&sandbox, "a/b/c.txt", "deep", 4, 0, &failure));
    expect_exit(&sandbox, "test \"$(cat a/b/c.txt)\" = deep && printf changed > a/b/c.txt", 0);
    CHECK_OK(isolate_sandbox_read(&sandbox, "a/b/c.txt", data, sizeof data, &bytes, &failure));
    CHECK_EQUAL(bytes, 7);
    CHECK_EQUAL(memcmp(data, "changed", 7), 0);
    CHECK_OK(isolate_sandbox_read(&sandbox, "a/b/c.txt", data, 7, &bytes, &failure));
    CHECK_EQUAL(isolate_sandbox_read(&sandbox, "a/b/c.txt", data, 6, &bytes, &failure), -EFBIG);
    CHECK_EQUAL(failure.stage, ISOLATE_STAGE_FILE);
    /* Replaces the program's own file. */
    CHECK_OK(isolate_sandbox_write(&sandbox, "a/b/c.txt", "new", 3, 0, &failure));
    CHECK_OK(isolate_sandbox_read(&sandbox, "a/b/c.txt", data, sizeof data, &bytes, &failure));
    CHECK_EQUAL(bytes, 3);
    CHECK_OK(isolate_sandbox_write(&sandbox, "empty", "", 0, 0, &failure));
    CHECK_OK(isolate_sandbox_read(&sandbox, "empty", data, 0, &bytes, &failure));
    CHECK_EQUAL(bytes, 0);
    memset(large, 'n', sizeof large - 1); /* paths that are too long as a whole, or in one component */
    large[sizeof large - 1] = 0;
    CHECK_EQUAL(isolate_sandbox_write(&sandbox, large, "", 0, 0, &failure), -ENAMETOOLONG);
    large[300] = 0;
    CHECK_EQUAL(isolate_sandbox_write(&sandbox, large, "", 0, 0, &failure), -ENAMETOOLONG);
    CHECK_EQUAL(isolate_sandbox_write(&sandbox, "", "", 0, 0, &failure), -ENAMETOOLONG);
    end();
}

/* Only regular files below /work are read or written, whatever the program has put there. */
TEST(streams_files_stay_inside) {
    static const char *const outside[] = {
        "../x",          "..",       "/etc/passwd", "a/../../x", "link",    "absolute",
        "parent/passwd", "self",     "fifo",        "device",    "a",       ".",
        "a/..",          "dangling", "loop",        "zero",      "missing", "file/x"};
    char data[64];
    size_t bytes;
    isolate_failure failure;
    begin();
    expect_exit(
        &sandbox,
        "mkdir a; printf inside > file; ln -s file link; ln -s /etc/passwd absolute; ln -s ../etc parent;"
        "ln -s /proc/self/exe self; mkfifo fifo; ln -s /dev/null device; ln -s nowhere dangling;"
        "ln -s loop loop; ln -s /dev/zero zero",
        0);
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        test_context("reading \"%s\"", outside[i]);
        CHECK(isolate_sandbox_read(&sandbox, outside[i], data, sizeof data, &bytes, &failure) < 0);
        CHECK_EQUAL(failure.stage, ISOLATE_STAGE_FILE);
        CHECK(failure.errno_value > 0);
    }
    static const char *const unwritable[] = {"../x", "..",   "a/../../x", "parent/passwd", "a",
                                             ".",    "a/..", "file/x",    "loop/x",        "self/x"};
    for (size_t i = 0; i < sizeof unwritable / sizeof unwritable[0]; i++) {
        test_context("writing \"%s\"", unwritable[i]);
        CHECK(isolate_sandbox_write(&sandbox, unwritable[i], "x", 1, 0, &failure) < 0);
        CHECK_EQUAL(failure.stage, ISOLATE_STAGE_FILE);
    }
    test_context("%s", "");
    /* Writing to a link replaces the link. */
    CHECK_OK(isolate_sandbox_write(&sandbox, "link", "mine", 4, 0, &failure));
    CHECK_OK(isolate_sandbox_read(&sandbox, "file", data, sizeof data, &bytes, &failure));
    CHECK_EQUAL(memcmp(data, "inside", 6), 0);
    CHECK_OK(isolate_sandbox_write(&sandbox, "fifo", "mine", 4, 0, &failure));
    /* An absolute path is below /work, too. */
    CHECK_OK(isolate_sandbox_write(&sandbox, "/etc/passwd", "mine", 4, 0, &failure));
    expect_exit(&sandbox, "test ! -L link && test -f fifo && test ! -e ../x && test $(cat etc/passwd) = mine",
                0);
    expect_exit(&sandbox, "grep -q root:x:0:0 /etc/passwd", 0);
    end();
}
