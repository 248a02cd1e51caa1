/* SHA-256 through nettle. */
#include <nettle/sha2.h>
#include <stdlib.h>

#include "isolate_archive.h"

_Static_assert(ISOLATE_SHA256_BYTES == SHA256_DIGEST_SIZE, "the size of a digest");

struct isolate_sha256 {
    struct sha256_ctx context;
};

struct isolate_sha256 *isolate_sha256_create(void) {
    struct isolate_sha256 *hash = malloc(sizeof *hash);
    if (hash)
        sha256_init(&hash->context);
    return hash;
}

void isolate_sha256_destroy(struct isolate_sha256 *hash) {
    free(hash);
}

void isolate_sha256_update(struct isolate_sha256 *hash, const void *bytes, size_t count) {
    sha256_update(&hash->context, count, bytes);
}

void isolate_sha256_digest(struct isolate_sha256 *hash, uint8_t digest[ISOLATE_SHA256_BYTES]) {
    sha256_digest(&hash->context, ISOLATE_SHA256_BYTES, digest);
}
