/// The measured program: static, returns 0, compiled at the start into a directory of its own.

import CBare
import Glibc

/// Removes its directory with this object.
final class Program: Sendable {
    let path: String
    let bytes: [UInt8]
    let directory: String

    /// Returns 0. With an argument it waits: `docker exec` needs a container in which a process runs.
    static let nothing =
        "#include <unistd.h>\nint main(int argc, char **argv) { while (argc > 1 && *argv) pause(); return 0; }\n"

    init(_ source: String = nothing) throws {
        var template = Array("/tmp/sandbox-benchmarks.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw BenchmarkError("cannot make a directory in /tmp") }
        directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        path = directory + "/program"
        do {
            bytes = try Self.compile(source, directory, path)
        } catch {
            Self.remove(directory)
            throw error
        }
    }

    deinit { Self.remove(directory) }

    private static func compile(_ text: String, _ directory: String, _ path: String) throws -> [UInt8] {
        let source = directory + "/program.c"
        guard let file = fopen(source, "w") else { throw BenchmarkError("cannot write \(source)") }
        fputs(text, file)
        fclose(file)
        let compiler = Arguments(["/usr/bin/gcc", "-static", "-O2", source, "-o", path])
        guard compiler.spawn() == 0 else { throw BenchmarkError("gcc -static cannot compile \(source)") }
        return try read(path)
    }

    private static func read(_ path: String) throws -> [UInt8] {
        guard let file = fopen(path, "r") else { throw BenchmarkError("cannot read \(path)") }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            if count == 0 { return bytes }
            bytes += chunk.prefix(count)
        }
    }

    private static func remove(_ directory: String) {
        for name in ["program.c", "program"] { unlink(directory + "/" + name) }
        rmdir(directory)
    }
}

/// The arguments of a bare process, made in advance so that making them is not measured.
final class Arguments {
    private let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let count: Int

    init(_ arguments: [String]) {
        count = arguments.count
        pointers = .allocate(capacity: count + 1)
        for (index, argument) in arguments.enumerated() { pointers[index] = strdup(argument) }
        pointers[count] = nil
    }

    deinit {
        for index in 0..<count { free(pointers[index]) }
        pointers.deallocate()
    }

    /// The exit status, or -1.
    func spawn() -> Int32 { bare_spawn(pointers) }
    func fork() -> Int32 { bare_fork(pointers) }
    /// 0, or -1: both at the same time, each reading what the other writes.
    func talk(with other: Arguments) -> Int32 { bare_talk(pointers, other.pointers) }

    func timedSpawn() throws -> Duration { try timed("posix_spawn", spawn) }
    /// The same of a program that prints.
    func timedQuietSpawn() throws -> Duration { try timed("posix_spawn") { bare_spawn_quiet(pointers) } }
    func timedFork() throws -> Duration { try timed("fork", fork) }

    /// Tests per second from the given number of threads, each with this input and answer.
    func judgedRate(_ input: [UInt8], _ answer: [UInt8], threads: Int, count: Int) throws -> Double {
        var result: Int32 = 0
        let duration = time {
            result = bare_judge(
                pointers, input, input.count, answer, answer.count, Int32(threads), Int64(count))
        }
        guard result == 0 else { throw BenchmarkError("a bare process failed, or was wrong") }
        return Double(count) / (duration / .seconds(1))
    }

    /// Runs per second from the given number of threads.
    func rate(threads: Int, for duration: Duration) throws -> Double {
        let runs = bare_spawn_many(pointers, Int32(threads), Int64(duration / .nanoseconds(1)))
        guard runs >= 0 else { throw BenchmarkError("a bare process failed") }
        return Double(runs) / (duration / .seconds(1))
    }

    private func timed(_ what: String, _ body: () -> Int32) throws -> Duration {
        var status: Int32 = 0
        let duration = time { status = body() }
        let name = String(cString: pointers[0]!)
        guard status == 0 else { throw BenchmarkError("\(what) of \(name) ended with \(status)") }
        return duration
    }
}
