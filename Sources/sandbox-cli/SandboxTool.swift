/// The `sandbox` command: its subcommands, and its answer to an invalid command line.

#if CLI
import ArgumentParser
import Sandbox

/// A subcommand that does its own reporting.
protocol Subcommand: ParsableCommand {
    /// - Returns: the exit status.
    func perform() async -> Int32
}

let exitStatusHelp = """
    Exit status: the program's own; 128 + signal; 124 time limit; 123 other limits; 159 blocked system \
    call; 122 compilation failed; 125 the sandbox failed or the command line is wrong; with exec 126 and \
    127 as in a shell.
    """

struct SandboxTool: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sandbox",
        abstract: "Run untrusted programs, and tell the truth about what they did.",
        version: libraryVersion,
        subcommands: subcommands)

    private static var subcommands: [any ParsableCommand.Type] {
        var all: [any ParsableCommand.Type] = [RunCommand.self, ExecCommand.self]
        #if Languages
        all.append(LanguagesCommand.self)
        #endif
        #if Judge
        all.append(JudgeCommand.self)
        #endif
        return all + [ImageCommand.self, PoolCommand.self, DoctorCommand.self, CleanupCommand.self]
    }

    /// Runs the subcommand of the command line.
    ///
    /// - Parameter arguments: without the command's own name, as ``ArgumentText``.
    /// - Returns: the exit status.
    static func perform(_ arguments: [String]) async -> Int32 {
        do {
            var command = try parse(subcommand: arguments)
            if let subcommand = command as? any Subcommand { return await subcommand.perform() }
            // The rest are ArgumentParser's own subcommands, such as `help`; they answer by throwing.
            try command.run()
            return ExitStatus.success
        } catch {
            return await answer(error, to: arguments)
        }
    }

    /// Parses the command line.
    ///
    /// - Parameter arguments: as in ``perform(_:)``.
    static func parse(subcommand arguments: [String]) throws -> any ParsableCommand {
        try parseAsRoot(SourceWord.marking(arguments))
    }

    private static func answer(_ error: any Error, to arguments: [String]) async -> Int32 {
        if exitCode(for: error).isSuccess {
            do {
                try await StandardStreams.writeOut(Array((fullMessage(for: error) + "\n").utf8))
                return ExitStatus.success
            } catch {
                return ExitStatus.sandboxFailed
            }
        }
        let line = CommandLineGuess(arguments)
        let suggestion = CommandSuggestion(arguments)
        let failure = SandboxError(
            .invalidArgument, message: suggestion?.message ?? ArgumentText.readable(message(for: error)),
            hint: suggestion?.hint ?? line.hint)
        let provenance = line.backend.unanswered(image: "host")
        await FailureReport(error: failure, provenance: provenance).print(json: line.json)
        return ExitStatus.sandboxFailed
    }
}

/// What can be guessed of an invalid command line, so that the error is reported in the requested form.
struct CommandLineGuess: Equatable {
    var subcommand: String?
    var json: Bool
    var backend: BackendChoice
    /// True when there is a `--`.
    var hasTerminator: Bool

    /// A hint at the mistake.
    var hint: String {
        if subcommand == "exec" && !hasTerminator {
            return "options of ours stand before the program, and a program whose name begins with a dash "
                + "after `--`: sandbox exec [options] [--] PROGRAM [ARGUMENTS...]"
        }
        return subcommand.map { "see `sandbox \($0) --help`" } ?? "see `sandbox --help`"
    }

    init(_ arguments: [String]) {
        let own = arguments.prefix { $0 != "--" }
        subcommand = own.first.flatMap { name in
            SandboxTool.configuration.subcommands.contains { $0.configuration.commandName == name }
                ? name : nil
        }
        json = own.contains("--json")
        hasTerminator = own.count < arguments.count
        let prefix = "--backend="
        let named =
            own.last { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
            ?? own.lastIndex(of: "--backend").flatMap { own.indices.contains($0 + 1) ? own[$0 + 1] : nil }
        backend = named.flatMap(BackendChoice.init(rawValue:)) ?? .local
    }
}
#endif
