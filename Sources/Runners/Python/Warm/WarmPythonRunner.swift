/// Runs Python programs in interpreters that are started already.

public import SandboxAPI
import SandboxRuntime

extension PythonRunner {
    /// Starts an interpreter once, has it import modules, and makes a runner whose programs go on from there.
    ///
    /// ```swift
    /// let python = try await PythonRunner().warm(importing: ["numpy"], on: backend)
    /// let report = try await python.run("import numpy; print(numpy.zeros(3))", on: backend)
    /// ```
    ///
    /// - Parameters:
    ///   - modules: what the template imports, in this order. A module's own effects at its import (threads, open
    ///     files, temporary files) are the template's and not the program's.
    ///   - request: the options, the stack limit, the variables and the source's name of the later runs. A run
    ///     that differs in what a start depends on starts an interpreter of its own; see ``WarmPythonRunner``.
    ///   - backend: where the runs will be.
    /// - Returns: a runner. Where the host or the interpreter does not permit it, one whose runs are cold;
    ///   ``WarmPythonRunner/coldReason`` says why.
    /// - Throws: `SandboxError`: `.invalidArgument` when a module's name is none or it cannot be imported;
    ///   `.toolchainNotFound` when the image lacks the interpreter; and the sandbox's own errors.
    public func warm(
        importing modules: [String] = [], for request: RunRequest = RunRequest(),
        on backend: any SandboxBackend
    ) async throws(SandboxError) -> WarmPythonRunner {
        let name = try check([], request)
        for module in modules where !Self.isModuleName(module) {
            throw SandboxError(
                .invalidArgument, message: "\(Validation.quoted(module)) is not the name of a module",
                hint: "give dotted names, as behind Python's import")
        }
        let start = InterpreterStart(request, name: name, language: language)
        return try await throwingSandboxErrors {
            do {
                let snapshot = try await snapshot(start, importing: modules, on: backend)
                let runner = WarmPythonRunner(
                    runner: self, modules: modules, coldReason: nil, start: start, snapshot: snapshot)
                try await runner.tryOut(on: backend)
                return runner
            } catch InterpreterSnapshot.Failure.import(let said) {
                throw SandboxError(
                    .invalidArgument,
                    message: "the modules \(modules.joined(separator: ", ")) cannot be imported: \(said)",
                    hint: "install them in the image, or leave them out")
            } catch InterpreterSnapshot.Failure.impossible(let reason) {
                return WarmPythonRunner(
                    runner: self, modules: modules, coldReason: reason, start: start, snapshot: nil)
            }
        }
    }

    /// Those of the template, and of the run that tries its snapshot.
    fileprivate func limits(of start: InterpreterStart) -> Limits {
        var limits = compileLimits
        limits.stack = start.stack
        return limits
    }

    private static func isModuleName(_ name: String) -> Bool {
        name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { part in
            part.first.map { $0.isLetter || $0 == "_" } == true
                && part.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" }
        }
    }

    private func snapshot(
        _ start: InterpreterStart, importing modules: [String], on backend: any SandboxBackend
    ) async throws -> InterpreterSnapshot {
        let limits = limits(of: start)
        var options = start.options
        options.firstLimits = limits
        let command = InterpreterSnapshot.command(
            ByteString(interpreter), program(start.name, [], with: []).arguments, importing: modules,
            environment: start.environment)
        return try await backend.withSandbox(options) { sandbox in
            let result: RunResult
            do throws(SandboxError) {
                result = try await sandbox.run(command, stdin: .none, limits: limits)
            } catch {
                throw namingInterpreter(error, image: options.image)
            }
            return try await InterpreterSnapshot.read(from: sandbox, after: result)
        }
    }
}

/// What an interpreter's start depends on, besides the interpreter.
struct InterpreterStart: Sendable, Hashable {
    var options: SandboxOptions
    var environment: [ByteString: ByteString]
    var name: ByteString
    var stack: Int

    init(_ request: RunRequest, name: ByteString, language: Language) {
        options = request.options
        options.language = options.language ?? language
        options.firstLimits = nil
        environment = request.environment
        self.name = name
        stack = request.limits.stack
    }

    /// Variables that an interpreter or its C library reads when it starts, by the beginnings of their names.
    private static let startVariables = [
        "PYTHON", "LD_", "GLIBC_", "MALLOC_", "LC_", "LANG", "LOCPATH", "TZ", "GCONV_PATH", "OMP_",
        "OPENBLAS_",
        "GOTO_", "MKL_", "BLIS_", "NUMEXPR_",
    ].map { Array($0.utf8) }

    /// Why a run cannot go on from here; `nil` when it can.
    func obstacle(to other: InterpreterStart) -> String? {
        if options != other.options { return "the run has other sandbox options than the template" }
        if name != other.name { return "the run's source has another name than the template's" }
        if stack != other.stack { return "the run has another stack limit than the template" }
        for name in Set(environment.keys).union(other.environment.keys)
        where environment[name] != other.environment[name]
            && Self.startVariables.contains(where: { name.bytes.starts(with: $0) })
        {
            return "the run has another \(name) than the template"
        }
        return nil
    }
}

/// A runner whose interpreter was started once, made by ``PythonRunner/warm(importing:for:on:)``.
///
/// Each run is a fresh process in a fresh sandbox, as with ``PythonRunner``; but instead of starting an interpreter it
/// restores the memory of one that was started before. Nothing passes from one run to another: what is restored is a
/// file that no run can change. A program sees what it always sees, but for this:
/// - the modules are in `sys.modules` already, with the effects of their import;
/// - addresses, the hash seed, stack canaries and whatever else the interpreter drew at its start are the same in each
///   run. Random numbers are not: `random`, `numpy.random`, `tempfile`, `multiprocessing` and `ssl` draw anew;
/// - `gc` does not look at what the template loaded, and nothing of that is taken apart at the end;
/// - the file `.python3` is in `/work`.
///
/// It belongs to the host on which it was made, and to the image. A run with other options, another stack limit or name
/// of the source, or with variables that an interpreter reads at its start (`PYTHONHASHSEED`, `LC_ALL`, …), starts an
/// interpreter of its own, and ``RunReport/start`` says so. It also happens, unseen, where a restored memory would lie
/// in the way of the new process's stack (about once in 1,000 runs).
public struct WarmPythonRunner: LanguageRunner {
    /// Starts what cannot be warm, and builds programs.
    public let runner: PythonRunner
    /// What the template imported.
    public let modules: [String]
    /// Why no run is warm; `nil` when they are.
    public let coldReason: String?
    /// The size of the restored memory's file in bytes; 0 when no run is warm.
    public var snapshotBytes: Int { snapshot?.file.bytes.count ?? 0 }

    let start: InterpreterStart
    let snapshot: InterpreterSnapshot?

    public var language: Language { runner.language }

    /// Builds a program as ``PythonRunner`` does. Its runs are cold: a program can be stored, a snapshot cannot.
    public func build(
        _ source: [UInt8], _ request: RunRequest, on backend: any SandboxBackend
    ) async throws(SandboxError) -> BuildResult {
        try await runner.build(source, request, on: backend)
    }

    /// Runs the source; see ``PythonRunner/run(_:_:on:by:)``.
    public func run(
        _ source: [UInt8], _ request: RunRequest, on backend: any SandboxBackend, by performance: Performance
    ) async throws -> RunReport {
        let name = try runner.check(source, request)
        let obstacle = coldReason ?? obstacle(for: request, name)
        guard let snapshot, obstacle == nil else {
            var report = try await runner.run(source, request, on: backend, by: performance)
            report.start = .cold(reason: obstacle ?? "")
            return report
        }
        var program = runner.program(name, source, with: request.sources)
        program.files.append(snapshot.file)
        program.executable = "./\(InterpreterSnapshot.path)"
        var request = request
        request.options = start.options
        var report = try await performance.run(
            program, request, on: backend, details: { PythonTraceback.parse($0) })
        report.start = .warm
        return report
    }

    private func obstacle(for request: RunRequest, _ name: ByteString) -> String? {
        let other = InterpreterStart(request, name: name, language: language)
        if let obstacle = start.obstacle(to: other) { return obstacle }
        let size = snapshotBytes
        if request.limits.disk < size { return "the run's disk limit has no room for \(size) bytes" }
        if request.inputFiles.contains(where: { $0.path == InterpreterSnapshot.path }) {
            return "the run has a file of its own at \(InterpreterSnapshot.path)"
        }
        return nil
    }

    /// Sees whether a restored interpreter works on this host, and is one.
    ///
    /// - Throws: `InterpreterSnapshot.Failure.impossible`, and the sandbox's own errors.
    fileprivate func tryOut(on backend: any SandboxBackend) async throws {
        let request = RunRequest(
            limits: runner.limits(of: start), environment: start.environment, options: start.options,
            sourceName: start.name)
        let report = try await run(
            Array("import gc; print(gc.get_freeze_count() > 0)".utf8), request, on: backend)
        guard let result = report.result, result.outcome == .exited(code: 0), result.stdoutText == "True\n"
        else {
            let seen = report.result.map { "\($0.outcome) \($0.stdoutText)\($0.stderrText)" } ?? ""
            throw InterpreterSnapshot.Failure.impossible("the snapshot does not work on this host: \(seen)")
        }
    }
}
