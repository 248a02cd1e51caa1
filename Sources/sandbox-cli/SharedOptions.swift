/// The options that `run` and `exec` have in common.

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

extension Language: ExpressibleByArgument {
    /// A language that another package defines has no runner in this command.
    public init?(argument: String) {
        self.init(rawValue: argument)
        guard Self.allCases.contains(self) else { return nil }
    }
}

/// Options take the next argument as their value whatever it looks like: `--memory -1` is a bad value, not a
/// missing one.
struct SharedOptions: ParsableArguments {
    @Option(help: "Where to run: local, docker, or auto (Docker, falling back to local).")
    var backend: BackendChoice = .local

    @Option(
        parsing: .unconditional,
        help: .init("The image to run in; 'host' is the host's own /usr.", valueName: "ref"))
    var image: ByteString = "host"

    @Option(help: "Whether the program may change the root file system.")
    var rootfs: Rootfs = .readOnly

    @Option(help: "The source's language; by default told by its suffix. For run only.")
    var language: Language?

    @Option(help: "The least isolation accepted.")
    var isolation: IsolationLevel = .standard

    @Option(help: "What the program reaches of a network: nothing, or a loopback of its own.")
    var network: NetworkMode = .none

    @Option(
        help:
            "What refused system calls do: end the run, the harmless ones too, or fail and be listed, all of them. Unless given, the harmless ones fail and those of attacks end the run."
    )
    var blocked: BlockedOption?

    @OptionGroup(title: "Limits (SIZE in bytes, or binary with K, M, G; S in seconds, with fractions)")
    var limits: LimitOptions

    @Option(
        parsing: .unconditionalSingleValue,
        help: .init("A variable for the program; repeatable.", valueName: "k=v"),
        transform: EnvironmentOption.parse)
    var env: [EnvironmentOption] = []

    @Option(
        name: .customLong("in"), parsing: .unconditionalSingleValue,
        help: .init(
            "A file to put into /work, under NAME if given; repeatable.", valueName: "file[:name]"),
        completion: .file(), transform: InputFileOption.parse)
    var inputs: [InputFileOption] = []

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

    @Option(
        parsing: .unconditional,
        help: .init(
            "The program's stdin: a file, or - for our own. Empty unless given.", valueName: "file"))
    var stdin: ByteString?

    @Flag(help: "Print one JSON object; exit with 0 whenever there is a result.")
    var json = false

    /// The options of the sandbox, with this image.
    func sandboxOptions(_ image: Image) -> SandboxOptions {
        SandboxOptions(
            image: image, rootfs: rootfs, isolation: isolation, network: network,
            blockedSyscalls: blocked?.policy ?? .standard)
    }
}
#endif
