// Does nothing: the smallest program, for the floor of every figure.
int main(void) {
    return 0;
}
