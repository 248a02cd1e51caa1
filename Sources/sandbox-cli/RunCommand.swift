/// `sandbox run`: runs a program given as source, and compiles it first where its language needs that.

#if CLI
import ArgumentParser
import Runners
import Sandbox

/// A word of `run`'s command line that is no option: a source, an argument of the program, or the `--` between them.
///
/// The parser has no command with two lists of arguments, and of one list it does not say where the terminator stood. So
/// ``SandboxTool`` puts a mark behind the terminator, a text that stands for no bytes.
enum SourceWord: ExpressibleByArgument, Hashable {
    case word(ByteString)
    case terminator

    /// ``ArgumentText`` has ASCII and the last code points of Unicode only, so no word of a command line is this text.
    private static let mark = "\u{E000}"

    init?(argument: String) {
        self = argument == Self.mark ? .terminator : .word(ArgumentText.bytes(of: argument))
    }

    /// Puts the mark behind the first `--`.
    ///
    /// - Parameter arguments: as ``ArgumentText``, the subcommand first.
    static func marking(_ arguments: [String]) -> [String] {
        guard arguments.first == RunCommand.configuration.commandName,
            let terminator = arguments.firstIndex(of: "--")
        else { return arguments }
        var marked = arguments
        marked.insert(mark, at: terminator + 1)
        return marked
    }
}

struct RunCommand: Subcommand {
    #if Languages
    private static let abstract = "Run a program given as source, in any language of `sandbox languages`."
    #else
    private static let abstract = "Run a program given as source: C++ or Python."
    #endif

    static let configuration = CommandConfiguration(
        commandName: "run", abstract: abstract,
        usage: "sandbox run [<options>] SOURCE... [-- ARGUMENTS...]", discussion: exitStatusHelp)

    @OptionGroup(title: GroupTitle.language)
    var compiling: CompileOptions

    @OptionGroup(title: GroupTitle.place) var place: PlaceOptions
    @OptionGroup(title: GroupTitle.limits) var limits: LimitOptions
    @OptionGroup(title: GroupTitle.inputs) var inputs: InputOptions
    @OptionGroup(title: GroupTitle.report) var report: ReportOptions

    @Argument(
        help: .init(
            "The program's sources, or - for our own stdin, which needs --language. C++: all are compiled and linked together, headers among them are found. Python and its like: the first is run, it can import the others. They stand side by side in /work, without their directories. The program's own arguments stand after --.",
            valueName: "source"), completion: .file())
    var words: [SourceWord]

    var shared: SharedOptions {
        SharedOptions(place: place, limits: limits, inputs: inputs, report: report)
    }

    var sources: [ByteString] { Self.bytes(of: words.prefix { $0 != .terminator }) }
    var arguments: [ByteString] { Self.bytes(of: words.drop { $0 != .terminator }) }

    private static func bytes(of words: ArraySlice<SourceWord>) -> [ByteString] {
        words.compactMap { if case .word(let bytes) = $0 { bytes } else { nil } }
    }

    mutating func validate() throws {
        if sources.isEmpty { throw ValidationError("Missing expected argument '<source> ...'") }
    }

    func perform() async -> Int32 {
        let session = Session(shared, isShell: false)
        return await session.perform(reportingTo: shared.report.jsonFile) { file in
            try requireSources()
            let known = try compiling.tools.known
            let list = try SourceList(sources, language: compiling.tools.language, known)
            let (source, others) = try read(list)
            let choice = try known.choice(list.language)
            let compileLimits = compiling.tools.limits(over: choice.compileLimits)
            let included = try InputFileOption.load(
                compiling.include, option: "--include", limit: compileLimits.disk)
            let plan = try RunPlan(shared, standard: choice.limits)
            var request = RunRequest(
                arguments: arguments, stdin: plan.stdin, limits: plan.limits,
                environment: plan.environment, inputFiles: plan.inputFiles,
                outputFiles: plan.outputs.map(\.path), options: plan.options, sourceName: list.name,
                sources: others, inputTrees: plan.inputTrees)
            let runner = try choice.runner(compiling, included, &request)
            let how = shared.report.delivery
            let (run, fallbackReason) = try await session.withBackend { [request] in
                try await Self.run(runner, source, request, how, on: $0)
            }
            return try await ResultReport(
                plan: plan, compile: run.compile, compileLimits: compileLimits, run: run.finished,
                choice: shared.place.backend, fallbackReason: fallbackReason
            ).deliver(shared.report, to: file)
        }
    }

    /// Complaints about the sources come before a wait for one on stdin, and first that a file is missing: its suffix
    /// need not be told then.
    private func requireSources() throws(SandboxError) {
        for (index, path) in sources.enumerated() where path != SourceList.ownStandardInput {
            do throws(SandboxError) {
                try HostFile.require(path, what: Self.what)
            } catch {
                var error = error
                if index > 0, error.code == .fileNotFound, error.hint == nil {
                    error.hint = "the program's own arguments stand after `--`"
                }
                throw error
            }
        }
    }

    /// Passes the output on while the program runs, or collects it.
    private static func run(
        _ runner: any LanguageRunner, _ source: [UInt8], _ request: RunRequest, _ how: Delivery,
        on backend: any SandboxBackend
    ) async throws -> (compile: CompileReport?, finished: FinishedRun) {
        let report: RunReport
        var relayed: RelayedOutput?
        if how.isLive {
            (report, relayed) = try await runner.run(source, request, on: backend) {
                try await OutputRelay.relay($0.output, keeping: how.keepsOutput)
            }
        } else {
            report = try await runner.run(source, request, on: backend)
        }
        var finished = FinishedRun(
            result: report.result, files: report.files, uncollected: report.uncollected)
        if let relayed { finished.add(relayed) }
        return (report.compile, finished)
    }

    private func read(
        _ list: SourceList
    ) throws(SandboxError) -> (first: [UInt8], others: [InputFile]) {
        var others: [InputFile] = []
        for path in list.others {
            others.append(InputFile(path.parts.last ?? path, try Self.read(path)))
        }
        if list.first != SourceList.ownStandardInput { return (try Self.read(list.first), others) }
        guard shared.inputs.stdin != OwnStandardInput.own else {
            throw SandboxError(
                .invalidArgument,
                message: "our own stdin cannot be both the source and the program's stdin",
                hint: "give one of them as a file")
        }
        let source = try HostFile.readStandardInput(
            what: "the source on our own stdin", limit: Language.maximumSourceBytes)
        return (source, others)
    }

    private static let what = "the source file"

    private static func read(_ path: ByteString) throws(SandboxError) -> [UInt8] {
        try HostFile.read(path, what: what, limit: Language.maximumSourceBytes).bytes
    }
}
#endif
