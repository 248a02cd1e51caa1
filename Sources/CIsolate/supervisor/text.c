/* Numbers and paths as text, without a libc. */
#include "text.h"

#include "sys.h"

size_t text_length(const char *text) {
    size_t n = 0;
    while (text[n] != 0)
        n++;
    return n;
}

int text_join(char *out, size_t bytes, const char *const parts[]) {
    size_t used = 0;
    for (unsigned i = 0; parts[i] != 0; i++)
        for (const char *p = parts[i]; *p != 0; p++) {
            if (used + 1 >= bytes)
                return -ENAMETOOLONG;
            out[used++] = *p;
        }
    out[used] = 0;
    return 0;
}

char *text_number(char *out, uint64_t number) {
    char digits[20];
    int n = 0;
    do
        digits[n++] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    while (n > 0)
        *out++ = digits[--n];
    *out = 0;
    return out;
}

uint64_t text_parse(const char *text) {
    uint64_t number = 0;
    while (*text == ' ' || *text == '\t')
        text++;
    while (*text >= '0' && *text <= '9')
        number = number * 10 + (uint64_t)(*text++ - '0');
    return number;
}

/* The text after a key and blanks, or a null pointer. */
static const char *find_value(const char *text, const char *key) {
    size_t length = text_length(key);
    for (const char *line = text; *line != 0;) {
        size_t i = 0;
        while (i < length && line[i] == key[i])
            i++;
        if (i == length && (line[i] == ' ' || line[i] == '\t')) {
            for (line += i; *line == ' ' || *line == '\t';)
                line++;
            return line;
        }
        while (*line != 0 && *line != '\n')
            line++;
        if (*line == '\n')
            line++;
    }
    return 0;
}

uint64_t text_find(const char *text, const char *key, uint64_t fallback) {
    const char *value = find_value(text, key);
    return value == 0 ? fallback : text_parse(value);
}

int text_contains_after(const char *text, const char *key, const char *word) {
    const char *value = find_value(text, key);
    return value != 0 && text_begins(value, word);
}

uint64_t text_stat_field(const char *text, int field) {
    const char *at = text + text_length(text);
    while (at > text && *at != ')')
        at--;
    for (int i = 2; i < field; i++) {
        while (*at != 0 && *at != ' ')
            at++;
        if (*at == ' ')
            at++;
    }
    return text_parse(at);
}

long text_read(int fd, char *out, size_t bytes) {
    long n = sys_pread(fd, out, bytes - 1, 0);
    out[n > 0 ? n : 0] = 0;
    return n;
}

uint64_t text_read_number(int fd) {
    char text[32];
    return text_read(fd, text, sizeof text) > 0 ? text_parse(text) : 0;
}

int text_write_number(int fd, uint64_t number) {
    char text[24];
    char *end = text_number(text, number);
    long n = SYS_CALL_4(__NR_pwrite64, fd, text, end - text, 0);
    return n < 0 ? (int)n : 0;
}

int text_begins(const char *text, const char *prefix) {
    while (*prefix != 0 && *text == *prefix) {
        text++;
        prefix++;
    }
    return *prefix == 0;
}

int text_equals(const char *a, const char *b) {
    return text_begins(a, b) && text_length(a) == text_length(b);
}
