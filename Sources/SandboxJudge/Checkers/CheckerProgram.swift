/// Runs a checker that is a program, in a sandbox of its own.

#if Judge
import Runners
import SandboxRuntime

extension Limits {
    /// For a checker: 30 s of CPU time, 60 s of wall time, 1 GiB, 8 MiB of output and 256 MiB of files. Room for the test's
    /// data is added.
    public static let checker = Limits(
        wallTime: .seconds(60), cpuTime: .seconds(30), memory: 1 << 30, processes: 64, output: 8 << 20,
        fileSize: 64 << 20, disk: 256 << 20)
}

/// A built checker, and how it runs: with the test's data as files, and nothing of the submission but the bytes of its output.
struct CheckerProgram {
    var program: Program
    var limits: Limits
    var options: SandboxOptions

    /// Runs the checker.
    ///
    /// - Parameters:
    ///   - arguments: after those of the program.
    ///   - files: the test's data.
    ///   - directory: made empty before it starts.
    ///   - body: looks at what it left; its sandbox is closed afterwards.
    func run(
        _ arguments: [ByteString], stdin: StandardInput, files: [InputFile], directory: ByteString? = nil,
        on backend: any SandboxBackend,
        _ body: (RunResult, any SandboxLease) async throws(SandboxError) -> CheckResult
    ) async throws(SandboxError) -> CheckResult {
        var limits = limits
        limits.disk += files.diskBytes
        var options = options
        options.language = options.language ?? program.language
        options.firstLimits = limits
        let command = Command(
            program.executable, program.arguments + arguments, environment: program.environment,
            inputFiles: files + program.files)
        let sandbox = try await backend.acquire(options)
        do throws(SandboxError) {
            if let directory { try await sandbox.makeDirectory(directory) }
            let run = try await sandbox.run(command, stdin: stdin, limits: limits)
            let result = try await body(run, sandbox)
            await sandbox.close()
            return result
        } catch {
            await sandbox.close()
            throw error
        }
    }
}

/// The words of checker programs: untrusted, and bounded.
enum CheckerWords {
    /// The most bytes that are kept of a message.
    static let maximum = 4096

    /// The beginning of a text, without white space at its end; control characters but tabs and line feeds made visible.
    static func text(_ bytes: some Collection<UInt8>) -> String {
        var head = Array(bytes.prefix(maximum))
        while head.last?.isSpace == true { head.removeLast() }
        return ByteString(head).shown { scalar in
            scalar == "\n" || scalar == "\t" ? String(scalar) : Difference.visible(scalar)
        }
    }

    /// A judge error that says how the checker ended.
    static func failure(of run: RunResult, _ role: JudgeRole, _ why: String) -> CheckResult {
        let words = text(run.stderr.isEmpty ? run.stdout : run.stderr)
        return CheckResult(
            .judgeError, message: "the \(role.rawValue) \(why)" + (words.isEmpty ? "" : ": \(words)"))
    }

    /// Why a checker that did not exit by itself failed; `nil` for one that did.
    static func failure(of run: RunResult, _ role: JudgeRole) -> CheckResult? {
        switch run.outcome {
        case .exited: nil
        case .signaled(let signal): failure(of: run, role, "was ended by signal \(signal)")
        case .limitExceeded(let limit): failure(of: run, role, "met its limit \(limit.rawValue)")
        case .blockedSyscall(let name): failure(of: run, role, "was ended for the system call \(name)")
        }
    }
}

/// Which of the judge's programs gives an answer by a checker's convention; for messages.
enum JudgeRole: String, Sendable {
    case checker, interactor, grader
}
#endif
