/*
 * The test runner's macros.
 *
 * A TEST is a function in a process of its own: a crash, a sanitizer's report or a hang is one failure. A
 * failed CHECK ends the process at once, also a process that the test forked.
 */
#ifndef TEST_H
#define TEST_H

#include <errno.h>
#include <stdint.h>
#include <string.h>

enum { TEST_SECONDS = 60 };

struct test {
    const char *name;
    void (*run)(int argument);
    int argument;
    struct test *next;
};

/* Names stay valid for the program's life. Tests run in the order of registration. */
void test_register(struct test *test);

#define TEST(name)                                                                                           \
    static void test_##name(int argument);                                                                   \
    __attribute__((constructor)) static void register_##name(void) {                                         \
        static struct test entry = {#name, test_##name, 0, NULL};                                            \
        test_register(&entry);                                                                               \
    }                                                                                                        \
    static void test_##name(int argument __attribute__((unused)))

/* The current case, for messages from tables and loops. */
void test_context(const char *format, ...) __attribute__((format(printf, 1, 2)));

void test_fail(const char *file, int line, const char *format, ...)
    __attribute__((noreturn, format(printf, 3, 4)));

/* Prints a line of figures; never decides anything. */
void test_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            test_fail(__FILE__, __LINE__, "%s", #condition);                                                 \
    } while (0)

#define CHECK_EQUAL(actual, expected)                                                                        \
    do {                                                                                                     \
        long long check_actual = (long long)(actual), check_expected = (long long)(expected);                \
        if (check_actual != check_expected)                                                                  \
            test_fail(__FILE__, __LINE__, "%s is %lld, not %lld", #actual, check_actual, check_expected);    \
    } while (0)

#define CHECK_TEXT(actual, expected)                                                                         \
    do {                                                                                                     \
        const char *check_actual = (actual), *check_expected = (expected);                                   \
        if (check_actual == NULL || strcmp(check_actual, check_expected) != 0)                               \
            test_fail(__FILE__, __LINE__, "%s is \"%s\", not \"%s\"", #actual,                               \
                      check_actual == NULL ? "(null)" : check_actual, check_expected);                       \
    } while (0)

/* For calls that return 0 or -errno, or -1 with errno. */
#define CHECK_OK(call)                                                                                       \
    do {                                                                                                     \
        long long check_result = (long long)(call);                                                          \
        if (check_result < 0)                                                                                \
            test_fail(__FILE__, __LINE__, "%s: %lld, errno %s", #call, check_result, strerror(errno));       \
    } while (0)

#endif
