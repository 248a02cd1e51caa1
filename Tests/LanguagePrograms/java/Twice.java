package judge;

class Twice {
    static long of(long number) { return 2 * number; }
}
