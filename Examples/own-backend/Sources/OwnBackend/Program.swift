/// The program to start, and the call that starts it.
import CSpawn
import Foundation
import SandboxAPI

/// A command with the sandbox's own variables, found in its `PATH`.
struct Program: Sendable {
    private let command: Command
    private let directory: ByteString
    private let environment: [ByteString: ByteString]

    /// - Parameters:
    ///   - directory: the working directory.
    ///   - home: the directory that replaces `/work`.
    init(_ command: Command, directory: ByteString, home: ByteString) {
        self.command = command
        self.directory = directory
        var environment: [ByteString: ByteString] = [
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": home,
            "LANG": "C.UTF-8",
            "TZ": "UTC", "LSAN_OPTIONS": "detect_leaks=0", "USER": "sandbox", "LOGNAME": "sandbox",
        ]
        environment.merge(command.environment) { $1 }
        self.environment = environment
    }

    /// A path on the host; a relative one starts at the working directory.
    private func located(_ path: ByteString) -> ByteString {
        path.bytes.first == Checks.slash ? path : ByteString(directory.bytes + [Checks.slash] + path.bytes)
    }

    private func exists(_ path: ByteString) -> Bool { access(located(path).cString, F_OK) == 0 }

    private func found() -> ByteString? {
        if command.executable.bytes.contains(Checks.slash) { return command.executable }
        let folders = environment["PATH"]!.bytes.split(separator: UInt8(ascii: ":"))
        return folders.map { ByteString(Array($0) + [Checks.slash] + command.executable.bytes) }.first(
            where: exists)
    }

    /// Starts the program as the leader of a process group of its own.
    ///
    /// - Parameter descriptors: its stdin, stdout and stderr.
    func spawn(_ descriptors: [Int32]) throws(SandboxError) -> pid_t {
        guard let path = found() else {
            throw SandboxError(
                .executableNotFound, stage: "exec", errno: ENOENT,
                message: "'\(command.executable)' is not in PATH")
        }
        var arguments = ([command.executable] + command.arguments).map { strdup($0.cString) } + [nil]
        var variables =
            environment.map { strdup(ByteString($0.bytes + [UInt8(ascii: "=")] + $1.bytes).cString) } + [nil]
        defer { for text in arguments + variables { free(text) } }
        var process: pid_t = 0
        let number = cspawn_start(
            &process, path.cString, &arguments, &variables, directory.cString, descriptors)
        if number == 0 { return process }
        // The script exists even if its interpreter does not.
        let code: SandboxError.Code =
            switch number {
            case ENOENT where !exists(path), ENOTDIR where !exists(path): .executableNotFound
            case ENOENT, ENOTDIR, EACCES, ENOEXEC, ELOOP: .executableNotRunnable
            case E2BIG: .argumentsTooLarge
            default: .setupFailed
            }
        throw SandboxError(
            code, stage: "exec", errno: number,
            message: "'\(command.executable)' cannot be started: \(String(cString: strerror(number)))")
    }
}
