/* The supervisor's text functions, hosted, under ASan: every buffer is a heap block of exactly its size. */
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test.h"

static int join(size_t bytes, const char *expected, const char *const parts[]) {
    char *out = malloc(bytes);
    int result = text_join(out, bytes, parts);
    if (result == 0)
        CHECK_TEXT(out, expected);
    free(out);
    return result;
}

TEST(text_join_fits_or_refuses) {
    static const char *const parts[] = {"/proc/", "12", "", "/fd", NULL};
    static const char *const none[] = {NULL};
    static const char *const empty[] = {"", "", NULL};
    for (size_t bytes = 1; bytes <= 11; bytes++) {
        test_context("%zu bytes", bytes);
        CHECK_EQUAL(join(bytes, "", parts), -ENAMETOOLONG);
    }
    CHECK_EQUAL(join(12, "/proc/12/fd", parts), 0);
    CHECK_EQUAL(join(100, "/proc/12/fd", parts), 0);
    CHECK_EQUAL(join(1, "", none), 0);
    CHECK_EQUAL(join(1, "", empty), 0);
}

TEST(text_numbers_both_ways) {
    static const uint64_t numbers[] = {0,
                                       1,
                                       9,
                                       10,
                                       99,
                                       100,
                                       4294967295u,
                                       4294967296u,
                                       1ull << 63,
                                       999999999u,
                                       1000000000,
                                       UINT64_MAX,
                                       UINT64_MAX - 1,
                                       18446744073709551609u};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        char expected[32], *out = malloc(21);
        snprintf(expected, sizeof expected, "%llu", (unsigned long long)numbers[i]);
        CHECK_EQUAL(text_number(out, numbers[i]) - out, strlen(expected));
        CHECK_TEXT(out, expected);
        CHECK(text_parse(out) == numbers[i]);
        free(out);
    }
}

TEST(text_parse_takes_anything) {
    static const struct {
        const char *text;
        uint64_t number;
    } cases[] = {{"", 0},
                 {" ", 0},
                 {"  \t42", 42},
                 {"42 43", 42},
                 {"42kB", 42},
                 {"-1", 0},
                 {"+1", 0},
                 {"0x10", 0},
                 {"007", 7},
                 {"\n5", 0},
                 {"max\n", 0},
                 {"\xff\xfe", 0},
                 {"1\xff", 1},
                 {"1,2", 1},
                 {"4 294", 4},
                 {"000000000000000000000000000000001", 1},
                 {"18446744073709551615", UINT64_MAX}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_context("\"%s\"", cases[i].text);
        char *copy = strdup(cases[i].text);
        CHECK(text_parse(copy) == cases[i].number);
        free(copy);
    }
    /* Too many digits: any number is correct, but there is no overrun and no hang. */
    char *digits = malloc(10001);
    memset(digits, '9', 10000);
    digits[10000] = 0;
    text_parse(digits);
    free(digits);
}

TEST(text_find_wants_whole_keys) {
    static const struct {
        const char *text, *key;
        uint64_t number;
    } cases[] = {
        {"rss 5\nshmem 6\n", "rss", 5},
        {"rss 5\nshmem 6\n", "shmem", 6},
        {"rss 5\nshmem 6", "shmem", 6},
        {"total_rss 9\nrss 5\n", "rss", 5}, /* not inside a word */
        {"rss_huge 9\nrss 5\n", "rss", 5},  /* not the start of a word */
        {"rss\n", "rss", 77},               /* a key without a number */
        {"rss", "rss", 77},
        {"rs", "rss", 77},
        {"", "rss", 77},
        {"\n\n\n", "rss", 77},
        {"\n\nrss 1", "rss", 1},
        {"rss\t12\n", "rss", 12},
        {"rss  12\n", "rss", 12},
        {"rss x\n", "rss", 0},
        {"rss 1\nrss 2\n", "rss", 1}, /* the first one counts */
        {" rss 1\n", "rss", 77},
        {"oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", "oom_kill", 3},
        {"oom_kill_disable 1\nunder_oom 0\n", "oom_kill", 77},
        {"max 0\n", "max", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_context("\"%s\" in \"%s\"", cases[i].key, cases[i].text);
        char *text = strdup(cases[i].text), *key = strdup(cases[i].key);
        CHECK(text_find(text, key, 77) == cases[i].number);
        free(text);
        free(key);
    }
}

/* Random texts of the few bytes that matter, compared with a slow and simple search. */
TEST(text_find_agrees_with_a_simple_search) {
    static const char letters[] = "ab \t\n19\xff";
    unsigned seed = 1;
    for (int round = 0; round < 20000; round++) {
        size_t n = (size_t)(rand_r(&seed) % 24);
        char *text = malloc(n + 1);
        for (size_t i = 0; i < n; i++)
            text[i] = letters[(size_t)rand_r(&seed) % (sizeof letters - 1)];
        text[n] = 0;
        uint64_t expected = 77;
        for (char *line = text; line != NULL;) {
            if (strncmp(line, "ab", 2) == 0 && (line[2] == ' ' || line[2] == '\t')) {
                const char *digits = line + 2 + strspn(line + 2, " \t");
                expected = strtoull(*digits == '1' || *digits == '9' ? digits : "0", NULL, 10);
                break;
            }
            line = strchr(line, '\n');
            line = line == NULL ? NULL : line + 1;
        }
        test_context("round %d", round);
        CHECK(text_find(text, "ab", 77) == expected);
        free(text);
    }
}

TEST(text_reads_and_writes_files) {
    int fd = memfd_create("text", MFD_CLOEXEC);
    CHECK_OK(fd);
    char small[4] = "xyz", *large = malloc(64);
    CHECK_EQUAL(text_read(fd, small, sizeof small), 0);
    CHECK_TEXT(small, "");
    CHECK_EQUAL(text_write_number(fd, 1234567), 0);
    CHECK_EQUAL(text_read_number(fd), 1234567);
    CHECK_EQUAL(text_read(fd, small, sizeof small), 3);
    CHECK_TEXT(small, "123");
    CHECK_EQUAL(text_read(fd, large, 64), 7);
    CHECK_TEXT(large, "1234567");
    free(large);
    close(fd);
    CHECK_EQUAL(text_read(-1, small, sizeof small), -EBADF);
    CHECK_TEXT(small, "");
    CHECK_EQUAL(text_read_number(-1), 0);
    CHECK_EQUAL(text_write_number(-1, 1), -EBADF);
    CHECK_EQUAL(text_length(""), 0);
    CHECK_EQUAL(text_length("abc"), 3);
}
