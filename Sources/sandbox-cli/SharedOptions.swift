/// The options that `run` and `exec` have in common, in the groups of their help.

#if CLI
public import ArgumentParser
import Runners
public import Sandbox

extension Rootfs: ExpressibleByArgument {}
extension IsolationLevel: ExpressibleByArgument {
    /// The levels of the option: the command's backends offer nothing below `minimal`.
    private static let choices: [Self] = [.minimal, .standard, .strong]

    public init?(argument: String) {
        guard let level = Self.choices.first(where: { $0.rawValue == argument }) else { return nil }
        self = level
    }

    public static var allValueStrings: [String] { choices.map(\.rawValue) }
}
extension NetworkMode: ExpressibleByArgument {}

/// The values of `--blocked`.
enum BlockedOption: String, ExpressibleByArgument, CaseIterable {
    case end, deny

    var policy: BlockedSyscallPolicy { self == .end ? .endRun : .deny }
}

/// The options that `run` and `exec` have in common, in groups.
///
/// Each command has the groups side by side: in a debug build the parser checks an option anew for each group around it, five times per level.
/// Options take the next argument as their value whatever it looks like: `--memory -1` is a bad value, not a
/// missing one.
struct SharedOptions {
    var place: PlaceOptions
    var limits: LimitOptions
    var inputs: InputOptions
    var report: ReportOptions
}

/// The titles of the groups in the help.
enum GroupTitle {
    static let place = "Sandbox"
    static let limits =
        "Limits (SIZE in bytes, or binary with K, M, G: 256M; S in seconds, with fractions: 0.5)"
    static let inputs = "Files, variables and stdin"
    static let report = "Result"
    static let language = "Language and compiler"
}

/// Where a program runs, and what it may do.
struct PlaceOptions: ParsableArguments {
    @Option(help: "Where to run: local, docker, or auto (Docker, falling back to local).")
    var backend: BackendChoice = .local

    @Option(
        parsing: .unconditional,
        help: .init("The image to run in; 'host' is the host's own /usr.", valueName: "ref"))
    var image: ByteString = "host"

    @Option(help: "Whether the program may change the root file system.")
    var rootfs: Rootfs = .readOnly

    @Option(help: "The least isolation accepted.")
    var isolation: IsolationLevel = .standard

    @Option(help: "What the program reaches of a network: nothing, or a loopback of its own.")
    var network: NetworkMode = .none

    @Option(
        help:
            "What refused system calls do: end the run, the harmless ones too, or fail and be listed, all of them. (default: the harmless ones fail, those of attacks end the run)"
    )
    var blocked: BlockedOption?

    @Option(
        name: .customLong("bind"), parsing: .unconditionalSingleValue,
        help: .init(
            "A directory of the host that the program can read at DEST, an absolute path; with --backend docker of the engine's host; repeatable.",
            valueName: "src:dest"),
        completion: .directory, transform: BindOption.parse)
    var binds: [BindOption] = []

    /// The options of the sandbox, with this image.
    func sandboxOptions(_ image: Image) -> SandboxOptions {
        var options = SandboxOptions(
            image: image, rootfs: rootfs, isolation: isolation, network: network,
            blockedSyscalls: blocked?.policy ?? .standard)
        options.bindMounts = binds.map(\.mount)
        return options
    }
}

/// What a program gets, and what is collected of it.
struct InputOptions: ParsableArguments {
    @Option(
        parsing: .unconditionalSingleValue,
        help: .init(
            "A variable for the program; NAME alone passes on our own, which must be set; repeatable.",
            valueName: "name[=value]"),
        transform: EnvironmentOption.parse)
    var env: [EnvironmentOption] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: .init(
            "A file of variables: NAME=VALUE or NAME on each line, as with --env, which wins; lines that begin with # are comments; repeatable.",
            valueName: "file"), completion: .file())
    var envFile: [ByteString] = []

    @Option(
        name: .customLong("in"), parsing: .unconditionalSingleValue,
        help: .init(
            "A file to put into /work, or a directory with all in it, under NAME if given ('.': a directory's content in /work itself); repeatable.",
            valueName: "file[:name]"),
        completion: .file(), transform: InputFileOption.parse)
    var inputs: [InputFileOption] = []

    @Option(
        parsing: .unconditional,
        help: .init(
            "The program's stdin: a file, or - for our own. (default: empty)", valueName: "file"),
        completion: .file())
    var stdin: ByteString?

    @Option(
        name: .customLong("out"), parsing: .unconditionalSingleValue,
        help: .init("A file of /work to collect afterwards; repeatable.", valueName: "name"),
        transform: OutputName.parse)
    var outputs: [OutputName] = []

    @Option(
        parsing: .unconditional,
        help: .init("Where collected files go; made when missing.", valueName: "dir"),
        completion: .directory)
    var outDir: ByteString = "."
}

/// What is told of the result, and where.
struct ReportOptions: ParsableArguments {
    @Flag(help: "Print one JSON object instead of the output; exit with 0 whenever there is a result.")
    var json = false

    @Option(
        parsing: .unconditional,
        help: .init(
            "Write the JSON object to a file, whole or not at all, and pass the output on as it comes.",
            valueName: "file"), completion: .file())
    var jsonFile: ByteString?

    @Flag(help: "Tell on stderr, after the run, what it used and where it ran.")
    var stats = false

    var delivery: Delivery { Delivery(isLive: !json, keepsOutput: jsonFile != nil) }
}

/// How the program's output reaches the caller.
struct Delivery: Sendable {
    /// Whether it is passed on while the program runs.
    var isLive: Bool
    /// Whether output that is passed on is kept for the JSON object, too.
    var keepsOutput: Bool
}
#endif
