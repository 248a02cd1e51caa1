/* Numbers and paths as text, without a libc. */
#ifndef ISOLATE_TEXT_H
#define ISOLATE_TEXT_H

#include <stddef.h>
#include <stdint.h>

size_t text_length(const char *text);

/* Joins the parts into `out`; 0, or -ENAMETOOLONG. The list ends with a null pointer. */
int text_join(char *out, size_t bytes, const char *const parts[]);

int text_equals(const char *a, const char *b);
int text_begins(const char *text, const char *prefix);

/* Writes a number; returns its end. `out` has room for 21 bytes. */
char *text_number(char *out, uint64_t number);

/* Reads a decimal number at the start of the text, after blanks. */
uint64_t text_parse(const char *text);

/* The number after `key` and blanks in a text of "key number" lines, or `fallback`. */
uint64_t text_find(const char *text, const char *key, uint64_t fallback);

/* Whether `word` follows `key` and blanks in a text of "key word" lines. */
int text_contains_after(const char *text, const char *key, const char *word);

/* A field of /proc/PID/stat, counted from 1 as in proc(5), from 3 on. The process's name before may contain
 * any character, also parentheses and blanks. 0 when there are fewer fields. */
uint64_t text_stat_field(const char *text, int field);

/* Reads a small file from its start into a NUL-terminated buffer; returns its length, or -errno. */
long text_read(int fd, char *out, size_t bytes);

/* Reads a file that holds one number. 0 when it cannot be read. */
uint64_t text_read_number(int fd);

/* Writes a number to a file in one write; 0 or -errno. */
int text_write_number(int fd, uint64_t number);

#endif
