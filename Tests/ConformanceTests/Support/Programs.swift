// The victim programs of Tests/Programs: found by name, compiled once, on demand, into a folder that is
// removed at exit; with VICTIMS=FOLDER in the environment they are the ones that scripts/victims.sh compiled
// there.
import Foundation
import Synchronization

enum Programs {
    struct BuildFailure: Error, CustomStringConvertible {
        let description: String
    }

    /// The file that runs this program: the compiled one, or the script itself.
    static func path(_ name: String) async throws -> String {
        let source = try source(of: name)
        if source.hasSuffix(".py") { return source }
        if let folder = ProcessInfo.processInfo.environment["VICTIMS"] { return folder + "/" + name }
        let build = builds.withLock { builds in
            if let build = builds[name] { return build }
            let build = Task { try await compile(source, as: name) }
            builds[name] = build
            return build
        }
        return try await build.value
    }

    /// The bytes of the file ``path(_:)``.
    static func bytes(_ name: String) async throws -> [UInt8] {
        let path = try await path(name)
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    /// Whether the program is a script for an interpreter.
    static func isScript(_ name: String) throws -> Bool { try source(of: name).hasSuffix(".py") }

    /// A folder of this test run, removed at exit.
    static let temporaryFolder: String = {
        let folder = NSTemporaryDirectory() + "/conformance-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        atexit { try? FileManager.default.removeItem(atPath: Programs.temporaryFolder) }
        return folder
    }()

    private static let builds = Mutex<[String: Task<String, any Error>]>([:])

    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Programs")
        .resolvingSymlinksInPath().path

    /// Name without suffix → path, of all files below Tests/Programs.
    private static let sources: [String: String] = {
        var found: [String: String] = [:]
        for case let path as String in FileManager.default.enumerator(atPath: folder) ?? .init() {
            let name = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
            if [".c", ".cpp", ".py"].contains(where: path.hasSuffix) { found[name] = folder + "/" + path }
        }
        return found
    }()

    private static func source(of name: String) throws -> String {
        guard let source = sources[name] else {
            throw BuildFailure(description: "no program \(name) below Tests/Programs")
        }
        return source
    }

    private static func compile(_ source: String, as name: String) async throws -> String {
        let product = temporaryFolder + "/" + name
        let status = try await launch(folder + "/compile.sh", [source, product])
        guard status == 0 else {
            throw BuildFailure(description: "compile.sh \(source) ended with wait status \(status)")
        }
        return product
    }

    /// Runs a tool to its end, waiting on a thread on which no test runs.
    private static func launch(_ tool: String, _ arguments: [String]) async throws -> Int32 {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(with: Result { try wait(tool, arguments) }) }
        }
    }

    private static func wait(_ tool: String, _ arguments: [String]) throws -> Int32 {
        var words = ([tool] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var child: pid_t = 0
        let error = posix_spawnp(&child, tool, nil, nil, &words, environ)
        guard error == 0 else {
            throw BuildFailure(description: "\(tool): \(String(cString: strerror(error)))")
        }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 {
            guard errno == EINTR else {
                throw BuildFailure(description: "\(tool): errno \(errno) in waitpid")
            }
        }
        return status
    }
}
