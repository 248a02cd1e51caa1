/// A submission for the tests of batches, in C++.

/// One program that does what its input says; a trivial one otherwise: it prints the double of a number. The answer is 42.
public enum BatchVictim {
    public static let source = """
        #include <cstdio>
        #include <cstdlib>
        #include <cstring>
        #include <string>
        #include <iostream>
        #include <sys/mount.h>
        #include <unistd.h>
        int main() {
            std::string what;
            std::cin >> what;
            if (what == "slow") for (volatile unsigned long i = 0;; ++i) {}
            if (what == "idle") pause();
            if (what == "greedy") for (;;) memset(malloc(1 << 20), 1, 1 << 20);
            if (what == "flood") for (;;) puts("flood flood flood flood flood flood flood flood");
            if (what == "crash") abort();
            if (what == "fail") return 3;
            if (what == "hostile") return mount("none", "/tmp", "tmpfs", 0, nullptr) != 0;
            std::cout << 2 * std::stol(what) << '\\n';
        }
        """

    /// The inputs, and the verdict on each with 64 MiB of memory, 64 KiB of output and 500 ms of CPU time.
    public static let verdicts: [(input: String, verdict: String)] = [
        ("21", "AC"), ("22", "WA"), ("slow", "TLE"), ("idle", "IDLE"), ("greedy", "MLE"), ("flood", "OLE"),
        ("crash", "RTE"), ("fail", "RTE"), ("hostile", "SV"), ("021", "AC"),
    ]
}
