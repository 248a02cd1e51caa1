/* The supervisor's executable as libisolate carries it. The Swift library embeds and gives its own. */
#include "internal.h"

/* library/supervisor.S defines them; a program that is made from the client's files alone lacks them, or
 * defines its own. */
extern const char isolate_image[] __attribute__((weak));
extern const char isolate_image_end[] __attribute__((weak));

const void *isolate_internal_own_image(size_t *bytes) {
    *bytes = isolate_image == NULL ? 0 : (size_t)(isolate_image_end - isolate_image);
    return isolate_image;
}
