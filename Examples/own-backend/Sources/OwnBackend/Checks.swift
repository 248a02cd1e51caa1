/// Checks of a caller's arguments, before anything starts.
import Foundation
import SandboxAPI

enum Checks {
    static let slash = UInt8(ascii: "/")

    static func check(_ limits: Limits) throws(SandboxError) {
        let day = Duration.seconds(86_400)
        let size = 1 << 46
        let isInRange =
            limits.wallTime > .zero && limits.wallTime <= day && limits.cpuTime > .zero
            && limits.cpuTime <= day
            && (1 << 20...size).contains(limits.memory) && (1...4_000_000).contains(limits.processes)
            && (0...size).contains(limits.output) && (0...size).contains(limits.fileSize)
            && (4096...size).contains(limits.disk) && (3...1 << 20).contains(limits.openFiles)
            && (1 << 16...size).contains(limits.stack)
        guard isInRange else {
            throw SandboxError(.invalidLimit, message: "a limit is out of range: \(limits)")
        }
    }

    static func check(_ command: Command) throws(SandboxError) {
        let texts =
            [command.executable] + command.arguments + command.environment.flatMap { [$0.key, $0.value] }
        if command.executable.isEmpty || texts.contains(where: { $0.bytes.contains(0) })
            || command.environment.keys.contains(where: { $0.isEmpty || $0.bytes.contains(UInt8(ascii: "=")) }
            )
        {
            throw SandboxError(
                .invalidArgument, message: "no kernel takes this command: \(command.executable)")
        }
    }

    /// The parts of a path below `/work`, without `.`.
    static func parts(of path: ByteString) throws(SandboxError) -> [ByteString] {
        func refusal(_ reason: String) -> SandboxError {
            SandboxError(.invalidPath, message: "the path '\(path)' \(reason)", hint: "give one below /work")
        }
        if path.isEmpty { throw refusal("is empty") }
        if path.bytes.contains(where: { [0, 10, 13].contains($0) }) {
            throw refusal("has a NUL or a newline in it")
        }
        var given = path.bytes.split(separator: slash)[...]
        if path.bytes.first == slash {
            guard given.first == Array("work".utf8)[...] else { throw refusal("is not below /work") }
            given = given.dropFirst()
        }
        var parts: [ByteString] = []
        for part in given.map({ ByteString($0) }) where part != "." {
            if part == ".." {
                if parts.popLast() == nil { throw refusal("leaves /work") }
            } else {
                if part.bytes.count > 255 { throw refusal("has a part of more than 255 bytes") }
                parts.append(part)
            }
        }
        return parts
    }

    /// The parts of a file's path.
    static func file(_ path: ByteString) throws(SandboxError) -> [ByteString] {
        let parts = try parts(of: path)
        if parts.isEmpty || path.bytes.last == slash {
            throw SandboxError(.invalidPath, message: "the path '\(path)' names no file")
        }
        return parts
    }
}

extension ByteString {
    /// The bytes with a NUL behind them, for system calls.
    var cString: [CChar] { bytes.map { CChar(bitPattern: $0) } + [0] }
}
