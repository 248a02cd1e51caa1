/* What a run is doing when its slot looks at it, and when it began to end. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

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

/* A run whose stdin and stdout lead to the test. */
struct talk {
    int to, from;
};

static struct talk start(const char *word, int number, const isolate_limits *limits) {
    struct talk talk;
    int in[2], out[2];
    char strings[128];
    int used =
        snprintf(strings, sizeof strings, "/work%c./victim%c./victim%c%s%c%d", 0, 0, 0, word, 0, number);
    CHECK_OK(isolate_pipe_between(in));
    CHECK_OK(isolate_pipe_between(out));
    CHECK_OK(isolate_run_send(sandbox.request, ++sandbox.serial, limits, 0, 3, 0, strings, (size_t)used + 1,
                              (int[]){in[0], out[1], out[1]}));
    close(in[0]);
    close(out[1]);
    talk.to = in[1];
    talk.from = out[0];
    return talk;
}

static isolate_slot_message receive(void) {
    isolate_slot_message message;
    struct pollfd fds = {.fd = sandbox.control, .events = POLLIN};
    int fd = -1;
    CHECK_EQUAL(poll(&fds, 1, 30000), 1);
    CHECK_EQUAL(isolate_slot_receive(sandbox.control, &message, &fd), 1);
    return message;
}

static struct isolate_status_record look(void) {
    CHECK_OK(isolate_slot_send(sandbox.control, ISOLATE_LOOK, 0, 0, 0));
    isolate_slot_message message = receive();
    CHECK_EQUAL(message.type, ISOLATE_LOOKED);
    return message.status;
}

static isolate_run_record stop(struct talk talk) {
    CHECK_OK(isolate_slot_send(sandbox.control, ISOLATE_END_RUN, ISOLATE_END_CANCEL, 0, sandbox.serial));
    isolate_slot_message message = receive();
    CHECK_EQUAL(message.type, ISOLATE_RUN_ENDED);
    close(talk.to);
    close(talk.from);
    return message.run;
}

/* Looks until the answer is this one, for at most 30 s. */
static struct isolate_status_record await(int activity) {
    struct isolate_status_record seen = look();
    for (int i = 0; i < 3000 && seen.value != activity; i++) {
        sleep_ms(10);
        seen = look();
    }
    CHECK_EQUAL(seen.value, activity);
    return seen;
}

TEST(look_at_one_that_waits_for_its_input) {
    isolate_limits limits = wide_limits();
    begin();
    struct talk talk = start("cat", 0, &limits);
    struct isolate_status_record first = await(ISOLATE_ACTIVITY_INPUT);
    sleep_ms(20);
    struct isolate_status_record second = look();
    CHECK_EQUAL(second.value, ISOLATE_ACTIVITY_INPUT);
    CHECK_EQUAL(second.identity, first.identity);
    CHECK_EQUAL(second.bytes, first.bytes);
    for (int i = 0; i < 200; i++) {
        char byte = 'x';
        CHECK_EQUAL(write(talk.to, &byte, 1), 1);
        CHECK_EQUAL(read(talk.from, &byte, 1), 1);
        /* However soon it sleeps again, a look tells that it was awake. */
        struct isolate_status_record later = look();
        CHECK(later.value != ISOLATE_ACTIVITY_INPUT || later.identity != second.identity);
        second = await(ISOLATE_ACTIVITY_INPUT);
    }
    stop(talk);
    end();
}

TEST(look_at_others) {
    static const struct {
        const char *word;
        int number, activity;
    } cases[] = {{"spin", 0, ISOLATE_ACTIVITY_OWN},      {"doze", 0, ISOLATE_ACTIVITY_OWN},
                 {"sleep", 0, ISOLATE_ACTIVITY_UNKNOWN}, {"wait", 0, ISOLATE_ACTIVITY_INPUT},
                 {"wait", 1, ISOLATE_ACTIVITY_UNKNOWN},  {"wait", 2, ISOLATE_ACTIVITY_UNKNOWN},
                 {"wait", 3, ISOLATE_ACTIVITY_UNKNOWN},  {"wait", 4, ISOLATE_ACTIVITY_UNKNOWN}};
    isolate_limits limits = wide_limits();
    begin();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char byte = 'x';
        test_context("%s %d", cases[i].word, cases[i].number);
        struct talk talk = start(cases[i].word, cases[i].number, &limits);
        if (strcmp(cases[i].word, "wait") == 0) { /* its answer comes when all is arranged */
            CHECK_EQUAL(write(talk.to, &byte, 1), 1);
            CHECK_EQUAL(read(talk.from, &byte, 1), 1);
        }
        await(cases[i].activity);
        for (int k = 0; k < 20; k++) {
            sleep_ms(5);
            CHECK_EQUAL(look().value, cases[i].activity);
        }
        stop(talk);
    }
    test_context("%s", "");
    end();
}

/* Not while an idle slot makes the next run's process, either, which it begins to do after some 2 ms. */
TEST(look_when_nothing_runs) {
    begin();
    CHECK_EQUAL(look().value, ISOLATE_ACTIVITY_UNKNOWN);
    for (int i = 0; i < 200; i++) {
        struct timespec pause = {.tv_nsec = 1500000 + i % 40 * 50000};
        expect_exit(&sandbox, "exit 3", 3);
        nanosleep(&pause, NULL);
        for (int k = 0; k < 3; k++)
            CHECK_EQUAL(look().value, ISOLATE_ACTIVITY_UNKNOWN);
    }
    end();
}

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The time lies within the run, and not at the end of a first thread that leaves others behind. */
TEST(look_when_a_run_ended) {
    static const struct {
        const char *word;
        int number;
        unsigned least_ms;
    } cases[] = {{"exit", 3, 0}, {"signal", SIGSEGV, 0}, {"sleep", 0, 300}, {"leaderless", 1, 300}};
    begin();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        isolate_limits limits = wide_limits();
        if (cases[i].least_ms > 0)
            limits.wall_ns = cases[i].least_ms * 1000000ull;
        test_context("%s %d", cases[i].word, cases[i].number);
        uint64_t before = now_ns();
        isolate_result result = run_victim(&sandbox, cases[i].word, cases[i].number, &limits);
        uint64_t ended = result.record.ended_ns;
        CHECK(ended >= before + cases[i].least_ms * 1000000ull && ended <= now_ns());
        isolate_result_free(&result);
    }
    test_context("%s", "");
    end();
}

/* Both ends stay usable for any program, and none is inherited by chance. */
TEST(look_at_a_pipe_between_programs) {
    int ends[2];
    char path[64], byte = 0;
    CHECK_OK(isolate_pipe_between(ends));
    snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
    CHECK_OK(access(path, R_OK | W_OK));
    CHECK_EQUAL(write(ends[1], "x", 1), 1);
    CHECK_EQUAL(read(ends[0], &byte, 1), 1);
    close(ends[1]);
    CHECK_EQUAL(read(ends[0], &byte, 1), 0);
    close(ends[0]);
}
