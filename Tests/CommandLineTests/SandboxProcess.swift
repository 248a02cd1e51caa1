/// Runs the built `sandbox` command for the end-to-end tests.

#if CLI
import Foundation
import Synchronization
import Testing

/// The result of one invocation.
struct Invocation {
    /// The exit status, or minus the signal that killed the command itself.
    var status: Int32
    var stdout: [UInt8]
    var stderr: [UInt8]
    var seconds: Double

    var out: String { String(decoding: stdout, as: UTF8.self) }
    var err: String { String(decoding: stderr, as: UTF8.self) }
    /// stdout as JSON.
    var json: JSONValue {
        get throws { try JSONValue.parse(stdout) }
    }
}

enum SandboxProcess {
    /// The command's path: beside the test bundle, which is the running program or loaded from its folder.
    static let path: String = {
        let own = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        var folder = own.deletingLastPathComponent()
        while folder.path != "/" {
            let candidate = folder.appendingPathComponent("sandbox").path
            if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
            folder = folder.deletingLastPathComponent()
        }
        return ".build/debug/sandbox"
    }()

    static let reason: Comment =
        "this host offers no isolation, see `sandbox doctor`; MUST_WORK=1 runs these anyway"

    /// Whether this host can run programs in sandboxes.
    static let hostWorks: Bool = {
        if ProcessInfo.processInfo.environment["MUST_WORK"] == "1" { return true }
        return (try? run(["doctor"]).status) == 0
    }()

    /// Runs the command to its end; kills it after a minute.
    ///
    /// - Parameters:
    ///   - script: a shell script that prepares the environment and then runs the command as `"$@"`.
    ///   - onOutput: called once, when the first output has come, with the command's process id.
    static func run(
        _ arguments: [String], stdin: [UInt8] = [], in directory: String? = nil,
        through script: String? = nil,
        onOutput: (@Sendable (pid_t) -> Void)? = nil
    ) throws -> Invocation {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        if let script {
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.arguments = ["-c", script, "sh", path] + arguments
        }
        if let directory { process.currentDirectoryURL = URL(fileURLWithPath: directory) }
        let (input, output, error) = (Pipe(), Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        process.standardError = error

        let start = ContinuousClock.now
        try process.run()
        let pid = process.processIdentifier
        let watchdog = DispatchWorkItem { kill(pid, SIGKILL) }
        DispatchQueue.global().asyncAfter(deadline: .now() + 60, execute: watchdog)

        let collected = [Collected(), Collected()]
        let group = DispatchGroup()
        for (pipe, bytes) in zip([output, error], collected) {
            let handle = pipe.fileHandleForReading
            DispatchQueue.global().async(group: group) {
                var isFirst = true
                while case let data = handle.availableData, !data.isEmpty {
                    bytes.append(data)
                    if isFirst { onOutput?(pid) }
                    isFirst = false
                }
            }
        }
        // The input is small enough for the pipe, or the program reads all of it.
        if !stdin.isEmpty { try input.fileHandleForWriting.write(contentsOf: stdin) }
        try input.fileHandleForWriting.close()

        group.wait()
        process.waitUntilExit()
        watchdog.cancel()
        let isExit = process.terminationReason == .exit
        return Invocation(
            status: isExit ? process.terminationStatus : -process.terminationStatus,
            stdout: collected[0].all, stderr: collected[1].all,
            seconds: (ContinuousClock.now - start) / .seconds(1))
    }

    private final class Collected: Sendable {
        private let bytes = Mutex<[UInt8]>([])
        var all: [UInt8] { bytes.withLock { $0 } }
        func append(_ data: Data) { bytes.withLock { $0 += data } }
    }

    static func exec(_ options: [String] = [], _ program: String..., stdin: [UInt8] = []) throws
        -> Invocation
    {
        try run(["exec"] + options + ["--"] + program, stdin: stdin)
    }

    static func shell(_ script: String, _ options: String...) throws -> Invocation {
        try run(["exec"] + options + ["--", "sh", "-c", script])
    }

    static func python(_ script: String, _ options: String...) throws -> Invocation {
        try run(["exec"] + options + ["--", "python3", "-c", script])
    }
}

/// A folder of the host that is removed with its owner.
final class ScratchFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "sandbox-cli-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    @discardableResult
    func put(_ name: String, _ text: String) throws -> String {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path + "/" + name))
        return path + "/" + name
    }

    func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: path + "/" + name)))
    }

    func text(_ name: String) throws -> String { String(decoding: try bytes(name), as: UTF8.self) }
}
#endif
