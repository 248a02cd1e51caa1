/*
 * What images need from C: SHA-256 (nettle), decompression (zlib, zstd), and openat2.
 *
 * Thin functions over these libraries, so that Swift never sees their structures. Nothing here prints, keeps
 * global state or trusts its input.
 */
#ifndef ISOLATE_ARCHIVE_H
#define ISOLATE_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

enum { ISOLATE_SHA256_BYTES = 32 };

struct isolate_sha256;

/* NULL when there is no memory. */
struct isolate_sha256 *isolate_sha256_create(void);
void isolate_sha256_destroy(struct isolate_sha256 *hash);
void isolate_sha256_update(struct isolate_sha256 *hash, const void *bytes, size_t count);
/* Writes the digest of all bytes so far, and starts a new hash. */
void isolate_sha256_digest(struct isolate_sha256 *hash, uint8_t digest[ISOLATE_SHA256_BYTES]);

enum isolate_compression { ISOLATE_GZIP = 1, ISOLATE_ZSTD = 2 };

struct isolate_decompressor;

/* The result of one step. */
struct isolate_decompressed {
    size_t taken; /* bytes taken from the input */
    size_t given; /* bytes written to the output */
    int at_end;   /* the input may end here: every member or frame is complete */
};

/* NULL when there is no memory. Refuses a zstd frame whose window is above 128 MiB, so that memory is
 * bounded. */
struct isolate_decompressor *isolate_decompressor_create(enum isolate_compression compression);
void isolate_decompressor_destroy(struct isolate_decompressor *decompressor);
/*
 * Decompresses until the input is used up or the output is full. Members and frames may follow each other,
 * and zeros may follow the last gzip member. Returns 0, -EBADMSG for damaged input, or -ENOMEM.
 */
int isolate_decompress(struct isolate_decompressor *decompressor, const void *input, size_t input_size,
                       void *output, size_t output_size, struct isolate_decompressed *done);

/*
 * Opens a directory with O_PATH, as if `root` were the root of the file system: links in `path` are followed,
 * but neither they nor ".." nor an absolute target lead out of it. Returns a descriptor or -errno.
 */
int isolate_open_in_root(int root, const char *path);

#endif
