// Recurses until the stack ends.
static int deeper(volatile char *above, unsigned long depth) {
    volatile char frame[1024];
    frame[depth % sizeof frame] = above[0] + 1;
    if (depth == ~0ul)
        return 0;
    return deeper(frame, depth + 1) + frame[depth % sizeof frame];
}

int main(void) {
    volatile char first[1] = {0};
    return deeper(first, 0) & 0;
}
