/// Names signals as the kernel's headers do.

#if CLI
enum SignalName {
    /// `SIGSEGV` for 11; `SIGRTMIN+1` for 35; `SIG0` and the like for numbers that are no signal.
    static func of(_ number: Int32) -> String {
        if number >= 1 && number <= Int32(names.count) { return "SIG" + names[Int(number) - 1] }
        if number >= 32 && number <= 64 {
            // 32 and 33 are glibc's own; its SIGRTMIN is 34.
            return number < 34 ? "SIG\(number)" : number == 34 ? "SIGRTMIN" : "SIGRTMIN+\(number - 34)"
        }
        return "SIG\(number)"
    }

    /// The names on Linux for x86-64 and aarch64, from 1 on.
    private static let names = [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
        "ALRM",
        "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM",
        "PROF",
        "WINCH", "IO", "PWR", "SYS",
    ]
}
#endif
