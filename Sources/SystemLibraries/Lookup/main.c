/* Makes SwiftPM look for the system libraries, so that it says which package has one that is missing. */

/* The plugin EmbedBinaries depends on this program and does not run it. CIsolate and CArchive link the
 * libraries' archives; as dependencies of theirs SwiftPM would link the shared libraries in front of them. */
int main(void) {
    return 0;
}
