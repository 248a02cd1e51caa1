/* Decompression of gzip by zlib and of zstd by libzstd, behind one function. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "isolate_archive.h"

/* The largest window; 16 more makes zlib accept only gzip. */
enum { GZIP_WINDOW = MAX_WBITS + 16 };

struct isolate_decompressor {
    enum isolate_compression compression;
    /* Between two members or frames, after at least one. */
    int at_end;
    /* Zeros followed a gzip member: after them no other byte may follow. */
    int padded;
    z_stream gzip;
    ZSTD_DStream *zstd;
};

struct isolate_decompressor *isolate_decompressor_create(enum isolate_compression compression) {
    struct isolate_decompressor *decompressor = calloc(1, sizeof *decompressor);
    if (!decompressor)
        return NULL;
    decompressor->compression = compression;
    int made;
    if (compression == ISOLATE_GZIP) {
        made = inflateInit2(&decompressor->gzip, GZIP_WINDOW) == Z_OK;
    } else {
        decompressor->zstd = ZSTD_createDStream();
        made = decompressor->zstd && !ZSTD_isError(ZSTD_initDStream(decompressor->zstd));
    }
    if (made)
        return decompressor;
    ZSTD_freeDStream(decompressor->zstd);
    free(decompressor);
    return NULL;
}

void isolate_decompressor_destroy(struct isolate_decompressor *decompressor) {
    if (!decompressor)
        return;
    if (decompressor->compression == ISOLATE_GZIP)
        inflateEnd(&decompressor->gzip);
    ZSTD_freeDStream(decompressor->zstd);
    free(decompressor);
}

static uInt bounded(size_t size) {
    return size < UINT_MAX ? (uInt)size : UINT_MAX;
}

static int gunzip(struct isolate_decompressor *decompressor, const uint8_t *input, size_t input_size,
                  uint8_t *output, size_t output_size, struct isolate_decompressed *done) {
    z_stream *stream = &decompressor->gzip;
    while (done->taken < input_size) {
        if (decompressor->at_end) {
            if (input[done->taken] == 0) {
                decompressor->padded = 1;
                done->taken++;
                continue;
            }
            if (decompressor->padded || inflateReset(stream) != Z_OK)
                return -EBADMSG;
            decompressor->at_end = 0;
        }
        if (done->given == output_size)
            return 0;
        /* zlib's field is not const, but zlib does not write through it */
        stream->next_in = (Bytef *)(input + done->taken);
        stream->avail_in = bounded(input_size - done->taken);
        stream->next_out = output + done->given;
        stream->avail_out = bounded(output_size - done->given);
        uInt in = stream->avail_in, out = stream->avail_out;
        int result = inflate(stream, Z_NO_FLUSH);
        done->taken += in - stream->avail_in;
        done->given += out - stream->avail_out;
        if (result == Z_STREAM_END)
            decompressor->at_end = 1;
        else if (result == Z_MEM_ERROR)
            return -ENOMEM;
        else if (result != Z_OK && result != Z_BUF_ERROR)
            return -EBADMSG;
        else if (in == stream->avail_in && out == stream->avail_out)
            return 0; /* needs more input */
    }
    return 0;
}

/* zlib holds output back when the buffer was full, even with all input taken. */
static int gunzip_rest(struct isolate_decompressor *decompressor, uint8_t *output, size_t output_size,
                       struct isolate_decompressed *done) {
    z_stream *stream = &decompressor->gzip;
    if (decompressor->at_end || done->given == output_size)
        return 0;
    uint8_t none = 0;
    stream->next_in = &none;
    stream->avail_in = 0;
    stream->next_out = output + done->given;
    stream->avail_out = bounded(output_size - done->given);
    uInt out = stream->avail_out;
    int result = inflate(stream, Z_NO_FLUSH);
    done->given += out - stream->avail_out;
    if (result == Z_STREAM_END)
        decompressor->at_end = 1;
    else if (result == Z_MEM_ERROR)
        return -ENOMEM;
    else if (result != Z_OK && result != Z_BUF_ERROR)
        return -EBADMSG;
    return 0;
}

static int unzstd(struct isolate_decompressor *decompressor, const uint8_t *input, size_t input_size,
                  uint8_t *output, size_t output_size, struct isolate_decompressed *done) {
    ZSTD_inBuffer in = {input, input_size, 0};
    ZSTD_outBuffer out = {output, output_size, 0};
    for (;;) {
        size_t taken = in.pos, given = out.pos;
        /* Without input, zstd would take the end of a frame for the beginning of another. */
        if (in.pos == in.size && decompressor->at_end)
            break;
        size_t result = ZSTD_decompressStream(decompressor->zstd, &out, &in);
        if (ZSTD_isError(result))
            return ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation ? -ENOMEM : -EBADMSG;
        decompressor->at_end = result == 0;
        if (out.pos == out.size || (in.pos == taken && out.pos == given))
            break;
    }
    done->taken = in.pos;
    done->given = out.pos;
    return 0;
}

int isolate_decompress(struct isolate_decompressor *decompressor, const void *input, size_t input_size,
                       void *output, size_t output_size, struct isolate_decompressed *done) {
    memset(done, 0, sizeof *done);
    int result;
    if (decompressor->compression == ISOLATE_ZSTD) {
        result = unzstd(decompressor, input, input_size, output, output_size, done);
    } else {
        result = gunzip(decompressor, input, input_size, output, output_size, done);
        if (result == 0)
            result = gunzip_rest(decompressor, output, output_size, done);
    }
    done->at_end = decompressor->at_end;
    return result;
}
