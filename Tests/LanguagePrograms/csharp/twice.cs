static class Other {
    public static long Twice(long number) { return 2 * number; }
}
