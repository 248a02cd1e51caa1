/// `sandbox exec`: a program of the root file system, without a runner.

#if CLI
import ArgumentParser
import Runners
import Sandbox

/// The options of `exec`.
struct ExecOptions: ParsableArguments {
    @OptionGroup(title: GroupTitle.place) var place: PlaceOptions
    @OptionGroup(title: GroupTitle.limits) var limits: LimitOptions
    @OptionGroup(title: GroupTitle.inputs) var inputs: InputOptions
    @OptionGroup(title: GroupTitle.report) var report: ReportOptions

    @Option(
        parsing: .unconditional,
        help: .init(
            "The working directory, relative to /work or absolute. (default: /work)", valueName: "dir"))
    var cwd: ByteString?

    /// Accepted, because `exec` takes the same options as `run`; nothing is compiled, so they have no effect
    /// and are not in the help.
    @OptionGroup(visibility: .hidden) var tools: LanguageOptions

    var shared: SharedOptions {
        SharedOptions(place: place, limits: limits, inputs: inputs, report: report)
    }
}

struct ExecCommand: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "exec", abstract: "Run a program of the root file system.",
        usage: "sandbox exec [<options>] [--] PROGRAM [ARGUMENTS...]", discussion: exitStatusHelp)

    @OptionGroup var options: ExecOptions

    @Argument(
        parsing: .captureForPassthrough,
        help: .init(
            "The program and its arguments. Options of ours stand before it. A program whose name begins with a dash stands after --.",
            valueName: "program"))
    var words: [ByteString]

    private static let terminator: ByteString = "--"

    var shared: SharedOptions { options.shared }

    /// The program and its arguments: all from the first word that is no option of ours, without a `--`
    /// before it. Later ones are the program's.
    var program: [ByteString] { words.first == Self.terminator ? Array(words.dropFirst()) : words }

    /// Refuses options that are not ours, which the parser takes for the program.
    mutating func validate() throws {
        guard let first = words.first, !program.isEmpty else {
            throw ValidationError("Missing expected argument '<program> ...'")
        }
        guard first != Self.terminator, first.bytes.first == UInt8(ascii: "-"), first != "-" else { return }
        switch first {
        case "-h", "--help", "--help-hidden": throw CleanExit.helpRequest(Self.self)
        case "--version": throw CleanExit.message(libraryVersion)
        default: break
        }
        let text = ArgumentText.text(of: first)
        do {
            // The parser's own message, with a suggestion.
            _ = try ExecOptions.parse([text])
        } catch {
            throw ValidationError(ExecOptions.message(for: error))
        }
        throw ValidationError("Unknown option '\(text)'")
    }

    func perform() async -> Int32 {
        let session = Session(shared, isShell: true)
        return await session.perform(reportingTo: shared.report.jsonFile) { file in
            let plan = try RunPlan(shared)
            let command = Command(
                program[0], Array(program.dropFirst()), environment: plan.environment,
                directory: options.cwd, inputFiles: plan.inputFiles)
            let how = shared.report.delivery
            let (run, fallbackReason) = try await session.withBackend { backend in
                try await backend.withSandbox(plan.options) { sandbox in
                    for tree in plan.inputTrees { try await tree.write(to: sandbox) }
                    var run = FinishedRun()
                    if how.isLive {
                        let (result, relayed) = try await sandbox.run(
                            command, stdin: plan.stdin, limits: plan.limits
                        ) {
                            try await OutputRelay.relay($0.output, keeping: how.keepsOutput)
                        }
                        run.result = result
                        run.add(relayed)
                    } else {
                        run.result = try await sandbox.run(
                            command, stdin: plan.stdin, limits: plan.limits)
                    }
                    try await Self.collect(plan, from: sandbox, into: &run)
                    return run
                }
            }
            return try await ResultReport(
                plan: plan, compile: nil, compileLimits: .compile, run: run,
                choice: shared.place.backend, fallbackReason: fallbackReason
            ).deliver(shared.report, to: file)
        }
    }

    /// Reads the requested files, all together at most `limits.disk` bytes: sparse files could exceed it.
    private static func collect(
        _ plan: RunPlan, from sandbox: any SandboxLease, into run: inout FinishedRun
    ) async throws(SandboxError) {
        var room = plan.limits.disk
        for name in plan.outputs {
            do throws(SandboxError) {
                let file = try await sandbox.readFile(
                    name.path, maxBytes: min(room, plan.limits.fileSize))
                room -= file.bytes.count
                run.files[name.path] = file
            } catch {
                // These errors are about the program's file and go into the report; all others are failures
                // of the sandbox.
                switch error.code {
                case .fileNotFound, .notRegularFile, .fileTooLarge, .fileAccess:
                    run.uncollected[name.path] = error.code
                default: throw error
                }
            }
        }
    }
}
#endif
