/* Files that a slot keeps between its sandboxes: placed by a mount, seen by all as ordinary files, unharmed
 * by programs; and questions about them with false numbers. */
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "internal.h"
#include "leaks.h"
#include "support.h"
#include "test.h"

enum { LARGE = 300 << 10 };

/* Asks for a file to be placed. content: its text, or NULL to send none. Returns 1 when the slot keeps it, 0
 * when not, or -errno. */
static int place(isolate_sandbox *sandbox, const char *path, uint64_t number, const char *content,
                 size_t bytes) {
    isolate_slot_message message;
    isolate_failure failure;
    int CLEANUP_CLOSE memory = content == NULL ? -1 : isolate_memory_file(content, bytes);
    int fd = -1;
    isolate_file_question question = {.path = path,
                                      .mode = ISOLATE_FILE_PLACE,
                                      .flags = ISOLATE_FILE_EXECUTABLE,
                                      .offset = number,
                                      .content = memory};
    CHECK_OK(isolate_slot_send_open(sandbox->control, &question));
    int result = isolate_internal_wait_for_answer(sandbox, ISOLATE_FILE_OPENED, &message, &fd, &failure);
    CHECK_EQUAL(fd, -1);
    return result < 0 ? result : message.status.value;
}

/* The next sandbox in the same slot. Returns the number of what is in its place in advance, or 0. */
static uint64_t renew(isolate_sandbox *sandbox) {
    isolate_slot_message message;
    isolate_failure failure;
    CHECK_OK(isolate_internal_ask(sandbox, ISOLATE_CLEAR, 0, ISOLATE_CLEARED, &message, &failure));
    CHECK_EQUAL(message.status.retire, 0);
    CHECK_OK(isolate_internal_ask(sandbox, ISOLATE_PREPARE, sandbox->disk_bytes, ISOLATE_PREPARED, &message,
                                  &failure));
    return message.status.bytes;
}

static void withdraw(isolate_sandbox *sandbox) {
    isolate_slot_message message;
    isolate_failure failure;
    int fd = -1;
    isolate_file_question question = {.path = ".", .mode = ISOLATE_FILE_WITHDRAW, .content = -1};
    CHECK_OK(isolate_slot_send_open(sandbox->control, &question));
    CHECK_OK(isolate_internal_wait_for_answer(sandbox, ISOLATE_FILE_OPENED, &message, &fd, &failure));
}

/* ./main, as a run that takes what is in its place in advance, or as one that knows nothing of it. */
static isolate_run_record run_main(isolate_sandbox *sandbox, uint32_t flags) {
    static const char strings[] = "/work\0./main\0./main";
    isolate_slot_message message;
    isolate_failure failure;
    isolate_limits limits = wide_limits();
    int fd = -1, CLEANUP_CLOSE null = open("/dev/null", O_RDWR | O_CLOEXEC);
    CHECK_OK(isolate_run_send(sandbox->request, ++sandbox->serial, &limits, flags, 1, 0, strings,
                              sizeof strings, (int[]){null, null, null}));
    CHECK_OK(isolate_internal_wait_for_answer(sandbox, ISOLATE_RUN_ENDED, &message, &fd, &failure));
    CHECK_EQUAL(message.run.serial, sandbox->serial);
    return message.run;
}

/* A script that is as large as a program. */
static char *make_script(const char *line) {
    char *text = malloc(LARGE + 1);
    memset(text, '#', LARGE);
    text[LARGE] = 0;
    int n = snprintf(text, LARGE, "#!/bin/sh\n%s\nexit\n", line);
    text[n] = '#';
    return text;
}

TEST(kept_files_come_back_unharmed) {
    struct snapshot *before = snapshot_take();
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    start_supervisor(&supervisor);
    open_sandbox(&supervisor, &sandbox);
    char *script = make_script("exit 7");
    CHECK_EQUAL(place(&sandbox, "d/main", 1, NULL, 0), -ENODATA);
    CHECK_EQUAL(place(&sandbox, "d/main", 1, script, LARGE), 1);
    expect_exit(&sandbox, "d/main", 7);
    for (int round = 0; round < 5; round++) {
        test_context("round %d", round);
        renew(&sandbox);
        expect_exit(&sandbox, "test ! -e d", 0);
        renew(&sandbox);
        CHECK_EQUAL(place(&sandbox, "d/main", 1, NULL, 0), 1);
        expect_exit(&sandbox,
                    "exec 9<d/main; flock -n 9 || exit 1; (sleep 100 <&9 &)\n"
                    "for f in d/main /proc/self/fd/9; do echo x >$f; truncate -s 1 $f; chmod 777 $f; touch "
                    "-d 2001-01-01 $f; done\n"
                    "rm -f d/main; mv d/main d/other; ln d/main l; cp /bin/true d/main\n"
                    "d/main; test $? = 7 && test $(wc -c <d/main) = 307200 && mv d moved",
                    0);
        /* Now it is an ordinary file, where the program moved it, and the next run may do with it what it
         * wants. */
        char *read = malloc(2 * LARGE);
        size_t bytes = 0;
        isolate_failure failure;
        CHECK_OK(isolate_sandbox_read(&sandbox, "moved/main", read, 2 * LARGE, &bytes, &failure));
        CHECK(bytes == LARGE && memcmp(read, script, LARGE) == 0);
        free(read);
        expect_exit(&sandbox,
                    "moved/main; test $? = 7 && echo 'exit 3' >moved/main && sh moved/main; test $? = 3", 0);
    }
    free(script);
    CHECK_OK(isolate_sandbox_close(&sandbox));
    isolate_supervisor_stop(&supervisor);
    snapshot_check(before);
}

/* Its program would be there in part. */
TEST(no_run_follows_when_a_placed_file_cannot_be_settled) {
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    isolate_failure failure;
    isolate_result result;
    isolate_start_options options = start_options(ISOLATE_STAGE_FILE);
    CHECK_OK(isolate_supervisor_start(&options, &supervisor, &failure));
    open_sandbox(&supervisor, &sandbox);
    char *script = make_script("exit 7");
    CHECK_EQUAL(place(&sandbox, "main", 1, script, LARGE), 1);
    free(script);
    expect_exit(&sandbox, "./main", 7);
    const char *const arguments[] = {"sh", "-c", "exit 3", NULL};
    isolate_command command = {.executable = "sh", .arguments = arguments, .output_bytes = 10};
    for (int attempt = 0; attempt < 2; attempt++) {
        isolate_limits limits = wide_limits();
        CHECK_EQUAL(isolate_sandbox_run(&sandbox, &command, &limits, &result, &failure), -EIO);
        CHECK_TEXT(isolate_stage_name(failure.stage), "file");
    }
    CHECK_OK(isolate_sandbox_close(&sandbox));
    CHECK_OK(isolate_supervisor_stop(&supervisor));
}

TEST(a_later_run_has_the_placed_file_without_a_question_in_between) {
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    start_supervisor(&supervisor);
    open_sandbox(&supervisor, &sandbox);
    char *script = make_script("exit 7");
    CHECK_EQUAL(place(&sandbox, "main", 1, script, LARGE), 1);
    expect_exit(&sandbox, "./main", 7);
    expect_exit(&sandbox, "./main", 7);
    /* Placed where there is no cell yet, it is a copy; both are the program's to change. */
    CHECK_EQUAL(place(&sandbox, "second", 1, NULL, 0), 1);
    expect_exit(&sandbox, "./second", 7);
    expect_exit(&sandbox, "rm main second", 0);
    free(script);
    CHECK_OK(isolate_sandbox_close(&sandbox));
    isolate_supervisor_stop(&supervisor);
}

/* Without mounts each file is a copy, which its program may change; the kept content stays as it is. */
TEST(placed_files_at_level_minimal_are_copies) {
    enum { NUMBER = 9, MORE = 20 };
    struct snapshot *before = snapshot_take();
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    isolate_failure failure;
    isolate_start_options options = start_options(0);
    options.avoid = ISOLATE_AVOID_NAMESPACES;
    options.least_level = ISOLATE_LEVEL_MINIMAL;
    CHECK_OK(isolate_supervisor_start(&options, &supervisor, &failure));
    open_sandbox(&supervisor, &sandbox);
    char *script = make_script("exit 7");
    CHECK_EQUAL(place(&sandbox, "main", NUMBER, NULL, 0), -ENODATA);
    for (int round = 0; round < 3; round++) {
        CHECK_EQUAL(place(&sandbox, "main", NUMBER, round == 0 ? script : NULL, round == 0 ? LARGE : 0), 1);
        expect_exit(&sandbox, "$HOME/main; test $? = 7 && echo 'exit 3' >$HOME/main", 0);
        CHECK_EQUAL(renew(&sandbox), round == 0 ? 0 : NUMBER);
    }
    /* In its place in advance. */
    for (int round = 0; round < 3; round++) {
        CHECK_EQUAL(run_main(&sandbox, ISOLATE_RUN_TAKES_PLACED).wait_status, 7 << 8);
        expect_exit(&sandbox, "$HOME/main; test $? = 7 && echo 'exit 3' >$HOME/main", 0);
        CHECK_EQUAL(renew(&sandbox), NUMBER);
    }
    withdraw(&sandbox);
    expect_exit(&sandbox, "test -z \"$(ls -A $HOME)\"", 0);
    CHECK_EQUAL(renew(&sandbox), 0);
    /* Others make room for each other, and for none that is larger than all the room. */
    for (int i = 0; i < MORE; i++)
        CHECK_EQUAL(place(&sandbox, "other", (uint64_t)(100 + i), script, LARGE), 1);
    CHECK_EQUAL(place(&sandbox, "other", 100, NULL, 0), -ENODATA);
    CHECK_EQUAL(place(&sandbox, "other", 100 + MORE - 1, NULL, 0), 1);
    char *huge = calloc(1, 65 << 20);
    CHECK_EQUAL(place(&sandbox, "huge", 99, huge, 65 << 20), 0);
    free(huge);
    free(script);
    CHECK_OK(isolate_sandbox_close(&sandbox));
    CHECK_OK(isolate_supervisor_stop(&supervisor));
    snapshot_check(before);
}

/* An ordinary user's slot has no right on the host, and mounts in its own namespaces all the same. */
TEST(kept_files_of_an_ordinary_user) {
    enum { USER = 1500 };
    CHECK_OK(setgroups(0, NULL));
    CHECK_OK(setresgid(USER, USER, USER));
    CHECK_OK(setresuid(USER, USER, USER));
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    isolate_failure failure;
    isolate_start_options options = start_options(0);
    options.least_level = ISOLATE_LEVEL_STANDARD;
    CHECK_OK(isolate_supervisor_start(&options, &supervisor, &failure));
    open_sandbox(&supervisor, &sandbox);
    char *script = make_script("exit 7");
    CHECK_EQUAL(place(&sandbox, "main", 1, script, LARGE), 1);
    for (int round = 0; round < 3; round++) {
        expect_exit(&sandbox, "grep -q ' /work/main .* tmpfs kept' /proc/self/mountinfo && test -O main", 0);
        renew(&sandbox);
        CHECK_EQUAL(place(&sandbox, "main", 1, NULL, 0), 1);
    }
    expect_exit(&sandbox, "rm -f main; echo x >main; ./main; test $? = 7", 0);
    free(script);
    CHECK_OK(isolate_sandbox_close(&sandbox));
    CHECK_OK(isolate_supervisor_stop(&supervisor));
}

TEST(kept_files_make_room_for_others) {
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    start_supervisor(&supervisor);
    open_sandbox(&supervisor, &sandbox);
    enum { BYTES = 9 << 20, COUNT = 8 };
    char *content = calloc(1, BYTES);
    memset(content, '#', BYTES);
    for (int round = 0; round < 2; round++)
        for (int i = 1; i <= COUNT; i++) {
            char check[64];
            memcpy(content, "#!/bin/sh\nexit 0\n", 17);
            content[15] = (char)('0' + i);
            test_context("round %d, file %d", round, i);
            renew(&sandbox);
            CHECK_EQUAL(place(&sandbox, "main", (uint64_t)i, NULL, 0), -ENODATA); /* 6 of them have room */
            CHECK_EQUAL(place(&sandbox, "main", (uint64_t)i, content, BYTES), 1);
            snprintf(check, sizeof check, "./main; test $? = %d", i);
            expect_exit(&sandbox, check, 0);
        }
    free(content);
    CHECK_OK(isolate_sandbox_close(&sandbox));
    isolate_supervisor_stop(&supervisor);
}

TEST(questions_about_kept_files_that_lie) {
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    start_supervisor(&supervisor);
    open_sandbox(&supervisor, &sandbox);
    char *script = make_script("exit 7");
    /* Without a number, or without a byte, nothing is kept, and the file is there all the same. */
    CHECK_EQUAL(place(&sandbox, "main", 0, NULL, 0), -ENODATA);
    CHECK_EQUAL(place(&sandbox, "main", 0, script, LARGE), 0);
    CHECK_EQUAL(place(&sandbox, "empty", 5, "", 0), 0);
    expect_exit(&sandbox, "test -x main && test ! -s empty", 0);
    CHECK_EQUAL(place(&sandbox, "huge", ~0ull, NULL, 0), -ENODATA);
    CHECK_EQUAL(place(&sandbox, "../main", 1, script, LARGE), -EXDEV);
    CHECK_EQUAL(place(&sandbox, ".", 1, NULL, 0), -EISDIR);
    renew(&sandbox);
    /* A link of the program is not followed, and more files than there are places are copies. */
    expect_exit(&sandbox, "ln -s /tmp d; ln -s /etc/passwd main", 0);
    CHECK_EQUAL(place(&sandbox, "d/main", 1, script, LARGE), -ELOOP);
    CHECK_EQUAL(place(&sandbox, "main", 1, NULL, 0), 1);
    expect_exit(&sandbox, "./main; test $? = 7 && test -z \"$(ls /tmp)\"", 0);
    renew(&sandbox);
    for (int i = 0; i < 40; i++) {
        char path[16];
        snprintf(path, sizeof path, "main%d", i);
        CHECK_EQUAL(place(&sandbox, path, 1, NULL, 0), 1);
    }
    expect_exit(&sandbox, "for f in main*; do ./$f; test $? = 7 || exit 1; done; test $(ls | wc -l) = 40", 0);
    /* Over and over at one place, also while its sandbox is full. */
    renew(&sandbox);
    for (int i = 0; i < 40; i++)
        CHECK_EQUAL(place(&sandbox, "main", 1, NULL, 0), 1);
    expect_exit(&sandbox, "./main; test $? = 7 && { cat /dev/zero >full 2>&1; true; }", 0);
    CHECK_EQUAL(place(&sandbox, "other", 1, NULL, 0), -ENOSPC);
    expect_exit(&sandbox, "./main", 7);
    free(script);
    CHECK_OK(isolate_sandbox_close(&sandbox));
    isolate_supervisor_stop(&supervisor);
}

/* A slot that was given the same file twice has it in its place for the next sandbox, before anybody asks. */
TEST(a_usual_file_is_in_its_place_in_advance) {
    enum { NUMBER = 9 };
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    start_supervisor(&supervisor);
    open_sandbox(&supervisor, &sandbox);
    char *script = make_script("test -O main || exit 1; echo x >main; exit 7");
    for (int round = 0; round < 3; round++) {
        CHECK_EQUAL(place(&sandbox, "main", NUMBER, script, LARGE), 1);
        expect_exit(&sandbox, "./main", 7);
        CHECK_EQUAL(renew(&sandbox), round == 0 ? 0 : NUMBER);
    }
    for (int round = 0; round < 3; round++) {
        CHECK_EQUAL(run_main(&sandbox, ISOLATE_RUN_TAKES_PLACED).wait_status, 7 << 8);
        /* It is an ordinary file from then on. */
        expect_exit(&sandbox, "./main; test $? = 7 && echo 'exit 3' >main && sh main; test $? = 3", 0);
        CHECK_EQUAL(renew(&sandbox), NUMBER);
    }
    /* A sandbox without it breaks the habit: others have nothing of it, and the next one neither. */
    withdraw(&sandbox);
    withdraw(&sandbox);
    expect_exit(&sandbox, "test -z \"$(ls -A /work)\" && ! grep kept /proc/self/mountinfo", 0);
    CHECK_EQUAL(renew(&sandbox), 0);
    /* Not two in one sandbox, nor in a directory, and none under another name. */
    for (int round = 0; round < 4; round++) {
        const char *path = round % 2 == 0 ? "main" : "d/main";
        for (int i = 0; i < 2; i++)
            CHECK_EQUAL(place(&sandbox, path, NUMBER, NULL, 0), 1);
        CHECK_EQUAL(renew(&sandbox), 0);
    }
    for (int round = 0; round < 3; round++) {
        CHECK_EQUAL(place(&sandbox, "d/main", NUMBER, NULL, 0), 1);
        CHECK_EQUAL(renew(&sandbox), 0);
    }
    free(script);
    CHECK_OK(isolate_sandbox_close(&sandbox));
    isolate_supervisor_stop(&supervisor);
}

TEST(no_run_has_a_file_in_advance_that_is_not_its_own) {
    enum { NUMBER = 9, OTHER = 10 };
    isolate_supervisor supervisor;
    isolate_sandbox sandbox;
    isolate_failure failure;
    start_supervisor(&supervisor);
    open_sandbox(&supervisor, &sandbox);
    char *script = make_script("exit 7"), *other = make_script("exit 3");
    for (int attack = 0; attack < 5; attack++) {
        test_context("attack %d", attack);
        for (int round = 0; round < 2; round++) {
            CHECK_EQUAL(place(&sandbox, "main", NUMBER, script, LARGE), 1);
            CHECK_EQUAL(renew(&sandbox), round == 0 ? 0 : NUMBER);
        }
        if (attack == 0) { /* an embedder that forgets to withdraw it */
            isolate_run_record record = run_main(&sandbox, 0);
            CHECK_EQUAL(record.end, ISOLATE_END_FAILURE);
            CHECK_TEXT(isolate_stage_name(record.failure.stage), "protocol");
        } else if (attack == 1) { /* another file of that name, and one beside it */
            CHECK_EQUAL(place(&sandbox, "main", OTHER, other, LARGE), 1);
            expect_exit(&sandbox, "./main; test $? = 3 && test \"$(ls)\" = main", 0);
        } else if (attack == 2) { /* it is the run's, and another file comes beside it; then both anew */
            CHECK_EQUAL(place(&sandbox, "beside", OTHER, NULL, 0), 1);
            CHECK_EQUAL(run_main(&sandbox, ISOLATE_RUN_TAKES_PLACED).wait_status, 7 << 8);
            expect_exit(&sandbox, "./beside; test $? = 3 && ./main; test $? = 7 && rm main beside", 0);
            CHECK_EQUAL(place(&sandbox, "main", NUMBER, NULL, 0), 1);
            CHECK_EQUAL(place(&sandbox, "beside", OTHER, NULL, 0), 1);
            expect_exit(&sandbox, "./beside; test $? = 3 && ./main; test $? = 7", 0);
        } else if (attack == 3) { /* the run that took it ended before it was ready, and its cell is gone */
            CHECK_EQUAL(place(&sandbox, "beside", OTHER, NULL, 0), 1);
            CHECK_OK(
                isolate_slot_send(sandbox.control, ISOLATE_END_RUN, ISOLATE_END_CANCEL, 0, ++sandbox.serial));
            isolate_slot_message message;
            int fd = -1;
            CHECK_OK(isolate_internal_wait_for_answer(&sandbox, ISOLATE_RUN_ENDED, &message, &fd, &failure));
            CHECK_EQUAL(place(&sandbox, "main", NUMBER, NULL, 0), 1);
            expect_exit(&sandbox, "./beside; test $? = 3 && ./main; test $? = 7 && rm main beside", 0);
        } else { /* a file that is written over it */
            withdraw(&sandbox);
            CHECK_OK(isolate_sandbox_write(&sandbox, "main", "#!/bin/sh\nexit 5", 16, 1, &failure));
            expect_exit(&sandbox, "./main; test $? = 5 && rm main && test -z \"$(ls)\"", 0);
        }
        renew(&sandbox);
        renew(&sandbox);
    }
    free(script);
    free(other);
    CHECK_OK(isolate_sandbox_close(&sandbox));
    isolate_supervisor_stop(&supervisor);
}
