/// The process's entry: sets up signals and descriptors, then runs the command.

#if CLI
import Glibc
import Sandbox

@main
enum EntryPoint {
    static func main() async {
        fillStandardDescriptors()
        let refused = Interruption.install()
        if refused != 0 {
            fail(
                SandboxError(
                    .internalError, errno: refused,
                    message: "cannot prepare for signals: \(ErrnoText.of(refused))",
                    hint: "this process may have too few threads or open files: see `ulimit -a`"))
        }
        // With SIGPIPE ignored, writing to a pipe without a reader fails with EPIPE.
        signal(SIGPIPE, SIG_IGN)
        // The runtime reads the arguments from /proc; without it there are none, which would look like a
        // request for help.
        if CommandLine.argc == 0 {
            fail(
                SandboxError(
                    .fileAccess, errno: ENOENT,
                    message: "cannot read the own command line: /proc is not mounted here",
                    hint: "mount -t proc proc /proc"))
        }
        exit(await SandboxTool.perform(ArgumentText.own))
    }

    /// Ends the command before it began.
    ///
    /// Writes synchronously: without /proc libdispatch ends the process as soon as it looks at its threads, and
    /// without threads nothing else writes.
    private static func fail(_ error: SandboxError) -> Never {
        let report = FailureReport(
            error: error, provenance: BackendChoice.local.unanswered(image: "host"))
        _ = StandardStreams.writeAll(Array(report.text.utf8), to: STDERR_FILENO)
        exit(ExitStatus.sandboxFailed)
    }

    /// Keeps files that the command opens from becoming descriptors 0 to 2 of a caller that closed these.
    ///
    /// The descriptors opened here are empty for a reader and refuse a writer, so that output is not lost
    /// unnoticed.
    private static func fillStandardDescriptors() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            _ = open("/dev/null", O_RDONLY)
        }
    }
}
#endif
