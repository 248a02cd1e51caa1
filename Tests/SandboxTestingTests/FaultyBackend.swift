/// The local backend with one fault, as a backend of another package might have.
import Foundation
import Sandbox

@testable import SandboxTesting

/// The fault, and the check that has to find it.
enum Fault: String, CaseIterable {
    case losesAByte, mixesStreams, everythingSucceeds, signalsAreStatuses, failedExecIsAResult, noStdin
    case argumentsAreText, environmentLeaks, outputLimitIsDoubled, limitsAreSignals, streamedOutputIsKept
    case bodysErrorIsLost, filesAreCut, pathsAreMended, nothingIsExecutable, neverBusy, closedIsAnotherError
    case shutDownIsAnotherError, nobodyIsCounted, errorsAreAnonymous, anotherKindAnswers, aLayerIsMissing
    case anyLevelWillDo, entriesAreMissing, linksAreFollowed, partsAreWhole, removalIsForgotten
    case bindMountsAreForgotten

    var check: ConformanceCheck {
        switch self {
        case .losesAByte: OutputChecks.everyByte
        case .mixesStreams: OutputChecks.apart
        case .everythingSucceeds: OutcomeChecks.exitCodes
        case .signalsAreStatuses: OutcomeChecks.signals
        case .failedExecIsAResult: OutcomeChecks.notFound
        case .noStdin: InputChecks.bytes
        case .argumentsAreText: InputChecks.arguments
        case .environmentLeaks: InputChecks.environment
        case .outputLimitIsDoubled: OutputChecks.bound
        case .limitsAreSignals: LimitChecks.wallTime
        case .streamedOutputIsKept: StreamingChecks.bothStreams
        case .bodysErrorIsLost: StreamingChecks.throwingBody
        case .filesAreCut: FileChecks.bounds
        case .pathsAreMended: FileChecks.outside
        case .nothingIsExecutable: FileChecks.modes
        case .entriesAreMissing: TreeChecks.listing
        case .linksAreFollowed: TreeChecks.links
        case .partsAreWhole: TreeChecks.parts
        case .removalIsForgotten: TreeChecks.removal
        case .bindMountsAreForgotten: IsolationChecks.bindMounts
        case .neverBusy: LifetimeChecks.busy
        case .closedIsAnotherError: LifetimeChecks.closed
        case .shutDownIsAnotherError: LifetimeChecks.shutdown
        case .nobodyIsCounted: LifetimeChecks.statistics
        case .errorsAreAnonymous: OutcomeChecks.errors
        case .anotherKindAnswers: OutcomeChecks.provenance
        case .aLayerIsMissing, .anyLevelWillDo:
            self == .anyLevelWillDo ? IsolationChecks.refusals : IsolationChecks.report
        }
    }
}

final class FaultyBackend: SandboxBackend {
    let fault: Fault
    private let inner = LocalBackend(.init(minimum: 0, maximum: 4))

    init(_ fault: Fault) { self.fault = fault }

    var capabilities: BackendCapabilities {
        get async {
            var capabilities = await inner.capabilities
            // One mode is enough to find a fault in.
            capabilities.rootfsModes = [.readOnly]
            switch fault {
            case .anotherKindAnswers: capabilities.kind = BackendKind(rawValue: "other")
            case .aLayerIsMissing: capabilities.layers.insert(IsolationLayer(rawValue: "vault"))
            case .anyLevelWillDo: capabilities.level = .minimal
            default: break
            }
            return capabilities
        }
    }

    var statistics: PoolStatistics { fault == .nobodyIsCounted ? PoolStatistics() : inner.statistics }

    func acquire(_ options: SandboxOptions) async throws(SandboxError) -> any SandboxLease {
        var options = options
        if fault == .bindMountsAreForgotten { options.bindMounts = [] }
        do throws(SandboxError) {
            return FaultySandbox(self, try await inner.acquire(options))
        } catch {
            throw fault == .shutDownIsAnotherError ? SandboxError(.internalError, message: "gone") : error
        }
    }

    func another() async throws(SandboxError) -> any SandboxLease {
        try await inner.acquire(SandboxOptions())
    }

    func shutdown() async { await inner.shutdown() }
}

private final class FaultySandbox: SandboxLease {
    private let backend: FaultyBackend
    private let inner: any SandboxLease
    private var fault: Fault { backend.fault }

    init(_ backend: FaultyBackend, _ inner: any SandboxLease) {
        self.backend = backend
        self.inner = inner
    }

    var provenance: Provenance { inner.provenance }
    var isolation: IsolationReport { inner.isolation }
    func close() async { await inner.close() }

    private func mended(_ error: SandboxError) -> SandboxError {
        var error = error
        if fault == .errorsAreAnonymous { error.provenance = nil }
        if fault == .closedIsAnotherError, error.code == .sandboxClosed { error.code = .internalError }
        return error
    }

    func write(_ bytes: [UInt8], to path: ByteString, executable: Bool) async throws(SandboxError) {
        do throws(SandboxError) {
            try await inner.write(bytes, to: path, executable: executable && fault != .nothingIsExecutable)
        } catch {
            if fault == .pathsAreMended { return }
            throw mended(error)
        }
    }

    func readFile(_ path: ByteString, maxBytes: Int) async throws(SandboxError) -> OutputFile {
        do throws(SandboxError) {
            return try await inner.readFile(path, maxBytes: maxBytes)
        } catch {
            guard fault == .filesAreCut, error.code == .fileTooLarge else { throw mended(error) }
            let file = try await inner.readFile(path, maxBytes: 1 << 30)
            return OutputFile(Array(file.bytes.prefix(maxBytes)))
        }
    }

    func write(_ bytes: [UInt8], to path: ByteString, at offset: Int) async throws(SandboxError) {
        do throws(SandboxError) {
            try await inner.write(bytes, to: path, at: offset)
        } catch {
            throw mended(error)
        }
    }

    func read(_ path: ByteString, from offset: Int, maxBytes: Int) async throws(SandboxError) -> FilePart {
        do throws(SandboxError) {
            return try await inner.read(
                path, from: fault == .partsAreWhole ? 0 : offset, maxBytes: maxBytes)
        } catch {
            throw mended(error)
        }
    }

    func info(of path: ByteString) async throws(SandboxError) -> FileInfo {
        do throws(SandboxError) {
            let info = try await inner.info(of: path)
            guard fault == .linksAreFollowed, let target = info.target else { return info }
            return try await inner.info(of: target)
        } catch {
            throw mended(error)
        }
    }

    func list(_ path: ByteString, maxEntries: Int) async throws(SandboxError) -> [DirectoryEntry] {
        do throws(SandboxError) {
            let entries = try await inner.list(path, maxEntries: maxEntries)
            return fault == .entriesAreMissing ? entries.dropLast() : entries
        } catch {
            throw mended(error)
        }
    }

    func makeDirectory(_ path: ByteString) async throws(SandboxError) {
        do throws(SandboxError) {
            try await inner.makeDirectory(path)
        } catch {
            throw mended(error)
        }
    }

    func makeSymbolicLink(_ path: ByteString, to target: ByteString) async throws(SandboxError) {
        do throws(SandboxError) {
            try await inner.makeSymbolicLink(path, to: target)
        } catch {
            throw mended(error)
        }
    }

    func remove(_ path: ByteString) async throws(SandboxError) {
        do throws(SandboxError) {
            if fault != .removalIsForgotten { try await inner.remove(path) }
        } catch {
            throw mended(error)
        }
    }

    private func changed(_ command: Command, _ stdin: StandardInput, _ limits: Limits) -> (
        Command, StandardInput, Limits
    ) {
        var (command, limits) = (command, limits)
        if fault == .argumentsAreText { command.arguments = command.arguments.map { ByteString($0.text) } }
        if fault == .environmentLeaks {
            let own = ProcessInfo.processInfo.environment.map { (ByteString($0.key), ByteString($0.value)) }
            command.environment.merge(own) { given, _ in given }
        }
        if fault == .outputLimitIsDoubled, limits.output < 1 << 20 { limits.output *= 2 }
        return (command, fault == .noStdin ? .none : stdin, limits)
    }

    private func changed(_ result: RunResult) -> RunResult {
        var result = result
        switch (fault, result.outcome) {
        case (.losesAByte, _): result.stdout = result.stdout.dropLast()
        case (.mixesStreams, _): (result.stdout, result.stderr) = (result.stdout + result.stderr, [])
        case (.everythingSucceeds, _): result.outcome = .exited(code: 0)
        case (.signalsAreStatuses, .signaled(let signal)): result.outcome = .exited(code: 128 + signal)
        case (.limitsAreSignals, .limitExceeded): result.outcome = .signaled(signal: SIGKILL)
        default: break
        }
        return result
    }

    func run(_ command: Command, stdin: StandardInput, limits: Limits) async throws(SandboxError) -> RunResult
    {
        let asked = changed(command, stdin, limits)
        do throws(SandboxError) {
            return changed(try await inner.run(asked.0, stdin: asked.1, limits: asked.2))
        } catch {
            if fault == .neverBusy, error.code == .sandboxBusy {
                let other = try await backend.another()
                let result = try await other.run(command)
                await other.close()
                return result
            }
            if fault == .failedExecIsAResult, error.code == .executableNotFound {
                return try await inner.run(Command("/bin/sh", ["-c", "exit 127"]))
            }
            throw mended(error)
        }
    }

    nonisolated(nonsending) func run<Value>(
        _ command: Command, stdin: StandardInput, limits: Limits,
        body: nonisolated(nonsending) (Execution) async throws -> Value
    ) async throws -> (result: RunResult, value: Value) {
        let asked = changed(command, stdin, limits)
        do {
            var answer = try await inner.run(asked.0, stdin: asked.1, limits: asked.2, body: body)
            answer.result = changed(answer.result)
            if fault == .streamedOutputIsKept { answer.result.stdout = Array("out 1\n".utf8) }
            return answer
        } catch let error as SandboxError {
            throw mended(error)
        } catch {
            if fault == .bodysErrorIsLost { throw SandboxError(.cancelled, message: "the run was killed") }
            throw error
        }
    }
}
