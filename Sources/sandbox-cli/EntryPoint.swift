/// Where the process starts: settles signals and descriptors, then hands over to the command.

#if CLI
import Glibc
import Sandbox

@main
enum EntryPoint {
    static func main() async {
        fillStandardDescriptors()
        Interruption.install()
        // A reader that goes away shows as EPIPE where we write.
        signal(SIGPIPE, SIG_IGN)
        // The runtime finds them in /proc, and without it has none, which would be told as a call for help.
        if CommandLine.argc == 0 {
            let error = SandboxError(
                .fileAccess, errno: ENOENT,
                message: "cannot read the own command line: /proc is not mounted here",
                hint: "mount -t proc proc /proc")
            let provenance = BackendChoice.local.unanswered(image: "host")
            // At once and by hand: without /proc libdispatch ends the process as soon as it looks at its threads.
            let report = FailureReport(error: error, provenance: provenance)
            _ = StandardStreams.writeAll(Array(report.text.utf8), to: STDERR_FILENO)
            exit(ExitStatus.sandboxFailed)
        }
        exit(await SandboxTool.perform(ArgumentText.own))
    }

    /// Keeps files that we open from becoming descriptors 0 to 2 of a caller that closed them.
    ///
    /// What is opened here is empty for a reader and refuses a writer, so no output is lost in silence.
    private static func fillStandardDescriptors() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            _ = open("/dev/null", O_RDONLY)
        }
    }
}
#endif
