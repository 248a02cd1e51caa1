/* Reports locks to ThreadSanitizer that it does not see itself. */
#include "isolate.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAS_THREAD_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define HAS_THREAD_SANITIZER 1
#endif

#ifdef HAS_THREAD_SANITIZER
void __tsan_acquire(void *address);
void __tsan_release(void *address);

/* ThreadSanitizer identifies a lock by an address. Two locks that share an address only hide a race between
 * what they guard. */
enum { ADDRESSES = 1 << 16 };
static uint64_t addresses[ADDRESSES];
static uint32_t last_number;

uint32_t isolate_lock_number(void) {
    return __atomic_add_fetch(&last_number, 1, __ATOMIC_RELAXED) % ADDRESSES;
}

void isolate_lock_taken(uint32_t lock) {
    __tsan_acquire(&addresses[lock % ADDRESSES]);
}

void isolate_lock_left(uint32_t lock) {
    __tsan_release(&addresses[lock % ADDRESSES]);
}
#else
uint32_t isolate_lock_number(void) {
    return 0;
}

void isolate_lock_taken(uint32_t lock) {
    (void)lock;
}

void isolate_lock_left(uint32_t lock) {
    (void)lock;
}
#endif
