/// A temporary folder per test, and a listing of its content.

import Foundation
import SandboxAPI
import SandboxRuntime

@testable import SandboxImages

/// A folder that is removed with its last reference.
final class Scratch: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/sandbox-images-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw POSIXError(.EIO) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        do {
            try TreeWalk.remove(Array(path.utf8), in: AT_FDCWD)
        } catch {
            fatalError("cannot remove \(path): \(error)")
        }
    }

    func write(_ bytes: [UInt8], _ name: String) throws -> String {
        let file = path + "/" + name
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        return file
    }

    func makeDirectory(_ name: String) throws -> String {
        let directory = path + "/" + name
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        return directory
    }

    /// Runs a tool of the system to its end.
    func run(_ tool: String, _ arguments: [String], in directory: String? = nil) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [tool] + arguments
        process.currentDirectoryURL = URL(fileURLWithPath: directory ?? path)
        process.environment = ["PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"]
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw ToolFailure(tool: tool, arguments: arguments) }
    }

    /// Compresses with a tool of the system.
    func compress(_ bytes: [UInt8], _ tool: String) throws -> [UInt8] {
        let file = try write(bytes, "plain-\(UInt64.random(in: 0...(.max)))")
        try run("sh", ["-c", "\(tool) < \(file) > \(file).out"])
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: file + ".out")))
    }
}

struct ToolFailure: Error {
    var tool: String
    var arguments: [String]
}

/// A file or directory, open for reading.
func opened(_ path: String) throws -> OwnedDescriptor {
    guard let file = OwnedDescriptor(owning: open(path, O_RDONLY | O_CLOEXEC)) else {
        throw POSIXError(.init(rawValue: errno) ?? .EIO)
    }
    return file
}

/// A tree as text: `PATH` to `d 755`, `f 644 CONTENT`, `l TARGET`.
func listing(_ root: String) throws -> [String: String] {
    var result: [String: String] = [:]
    func visit(_ directory: String, _ prefix: String) throws {
        let open = try opened(directory)
        for bytes in try TreeWalk.names(open.number) {
            let name = String(decoding: bytes, as: UTF8.self)
            let path = directory + "/" + name
            var status = stat()
            guard lstat(path, &status) == 0 else {
                result[prefix + ByteName.quoted(bytes)] = "?"
                continue
            }
            let mode = String(status.st_mode & 0o7777, radix: 8)
            switch status.st_mode & S_IFMT {
            case S_IFDIR:
                result[prefix + name] = "d \(mode)"
                try visit(path, prefix + name + "/")
            case S_IFREG:
                let content = try Data(contentsOf: URL(fileURLWithPath: path)).prefix(64)
                result[prefix + name] = "f \(mode) \(String(decoding: content, as: UTF8.self))"
            case S_IFLNK:
                result[prefix + name] = "l \(try FileManager.default.destinationOfSymbolicLink(atPath: path))"
            default: result[prefix + name] = "special"
            }
        }
    }
    try visit(root, "")
    return result
}

/// Unpacks archives, one after another, into a new folder of `scratch`.
///
/// - Returns: the folder, and the unpacker for its counts.
@discardableResult
func unpack(
    _ archives: [[UInt8]], asLayers: Bool = false, limits: ImageLimits = .standard, in scratch: Scratch
) throws -> (path: String, unpacker: Unpacker) {
    let path = try scratch.makeDirectory("root-\(UInt64.random(in: 0...(.max)))")
    let root = try opened(path)
    let unpacker = Unpacker(root: root.number, limits: limits, cancellation: Cancellation())
    for archive in archives {
        let source = MemorySource(archive)
        try unpacker.unpack(TarStream(source, chunk: 4096), asLayer: asLayers)
    }
    return (path, unpacker)
}
