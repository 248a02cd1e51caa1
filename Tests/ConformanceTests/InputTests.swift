// Standard input in each of its forms, arguments and environment.
import Foundation
import Sandbox
import Testing

@Suite("Input", .shared, .timeLimit(.patient))
struct InputTests {
    static let wide = Limits(output: 16 << 20)

    @Test("Without a stdin the program reads an empty one", arguments: await ConformanceSubject.all)
    func none(subject: ConformanceSubject) async throws {
        let result = try await subject.run("echo_stdin")
        expect(result, .exited(code: 0))
        #expect(result.stdout.isEmpty, "\(result.summary)")
    }

    @Test("Bytes, few and many", arguments: await ConformanceSubject.all, [0, 1, 4096, 65537, 10_000_000])
    func bytes(subject: ConformanceSubject, count: Int) async throws {
        let bytes = pattern(count)
        let result = try await subject.run("echo_stdin", stdin: .bytes(bytes), limits: Self.wide)
        expect(result, .exited(code: 0))
        expectEqual(result.stdout, bytes, "\(count) bytes of stdin")
    }

    @Test("A string", arguments: await ConformanceSubject.all)
    func string(subject: ConformanceSubject) async throws {
        let result = try await subject.run("echo_stdin", stdin: .string("žluťoučký kůň\n"))
        #expect(result.stdoutText == "žluťoučký kůň\n", "\(result.summary)")
    }

    @Test(
        "Bytes are a file that cannot be written to, and nothing is a terminal",
        arguments: await ConformanceSubject.all)
    func readOnly(subject: ConformanceSubject) async throws {
        let result = try await subject.run("stdin_kind", stdin: .bytes([1, 2, 3]))
        expect(result, .exited(code: 0))
        #expect(result.lines.dropFirst() == ["refused", "refused", "no terminal"], "\(result.summary)")
    }

    @Test("A file of the host comes as a pipe", arguments: await ConformanceSubject.all)
    func file(subject: ConformanceSubject) async throws {
        let path = Programs.temporaryFolder + "/input-\(UInt32.random(in: 0...UInt32.max))"
        let bytes = pattern(1_000_000)
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        let result = try await subject.run("echo_stdin", stdin: .file(path: path), limits: Self.wide)
        expect(result, .exited(code: 0))
        expectEqual(result.stdout, bytes, "1 MB of a file")
        let kind = try await subject.run("stdin_kind", stdin: .file(path: path))
        #expect(kind.lines == ["fifo", "refused", "refused", "no terminal"], "\(kind.summary)")
        let after = try Data(contentsOf: URL(fileURLWithPath: path))
        expectEqual([UInt8](after), bytes, "the host's file afterwards")
    }

    @Test("A device is refused, not read without end", arguments: await ConformanceSubject.all)
    func device(subject: ConformanceSubject) async throws {
        await expectError(.notRegularFile) {
            try await subject.run("take_stdin", ["5000"], stdin: .file(path: "/dev/zero"))
        }
    }

    @Test("A file that does not exist, and one that is a directory", arguments: await ConformanceSubject.all)
    func badFile(subject: ConformanceSubject) async throws {
        await expectError(.fileNotFound) {
            try await subject.run("nothing", stdin: .file(path: "/nonexistent/input"))
        }
        await expectError(.notRegularFile) { try await subject.run("nothing", stdin: .file(path: "/usr")) }
    }

    @Test("A file that cannot be read to its end", arguments: await ConformanceSubject.all)
    func unreadableFile(subject: ConformanceSubject) async throws {
        // For the kernel it is a regular file, but nothing is mapped at its beginning.
        await expectError(.fileAccess) {
            try await subject.run("echo_stdin", stdin: .file(path: "/proc/self/mem"))
        }
    }

    @Test("A stream of chunks", arguments: await ConformanceSubject.all)
    func stream(subject: ConformanceSubject) async throws {
        let bytes = pattern(1_000_000)
        let stream = AsyncStream<[UInt8]> { continuation in
            for start in stride(from: 0, to: bytes.count, by: 30_000) {
                continuation.yield(Array(bytes[start..<min(start + 30_000, bytes.count)]))
                continuation.yield([])
            }
            continuation.finish()
        }
        let result = try await subject.run("echo_stdin", stdin: .stream(stream), limits: Self.wide)
        expect(result, .exited(code: 0))
        expectEqual(result.stdout, bytes, "1 MB of a stream")
    }

    @Test("A stream that never ends does not hold up the run", arguments: await ConformanceSubject.all)
    func endlessStream(subject: ConformanceSubject) async throws {
        let (stream, continuation) = AsyncStream<[UInt8]>.makeStream()
        continuation.yield(pattern(100_000))
        let result = try await subject.run("take_stdin", ["10"], stdin: .stream(stream))
        expect(result, .exited(code: 0))
        continuation.finish()
    }

    @Test("A program that reads nothing", arguments: await ConformanceSubject.all)
    func unread(subject: ConformanceSubject) async throws {
        let bytes = pattern(10_000_000)
        expect(try await subject.run("nothing", stdin: .bytes(bytes)), .exited(code: 0))
        expect(try await subject.run("close_everything", stdin: .bytes(bytes)), .exited(code: 5))
        let stream = AsyncStream<[UInt8]> { continuation in
            for _ in 0..<100 { continuation.yield(pattern(100_000)) }
            continuation.finish()
        }
        expect(try await subject.run("nothing", stdin: .stream(stream)), .exited(code: 0))
    }

    @Test("Arguments arrive byte for byte", arguments: await ConformanceSubject.all)
    func arguments(subject: ConformanceSubject) async throws {
        let arguments = ["", " ", "a b", "new\nline", "\"'\\$(id)`", "žluť", "-n", "\u{1b}[31m", "*"]
        let result = try await subject.run("print_arguments", arguments)
        expect(result, .exited(code: 0))
        let found = result.stdoutText.split(separator: "\0", omittingEmptySubsequences: false)
        #expect(found.dropLast().map(String.init) == arguments, "\(result.summary)")
    }

    @Test("A long list of arguments, within what the kernel accepts", arguments: await ConformanceSubject.all)
    func longArguments(subject: ConformanceSubject) async throws {
        let arguments = [String](repeating: String(repeating: "x", count: 100_000), count: 10)
        let long = try await subject.run("argument_lengths", arguments)
        expect(long, .exited(code: 0))
        #expect(long.stdoutText == "10 1000000\n", "\(long.summary)")
        let many = try await subject.run("argument_lengths", [String](repeating: "yy", count: 10_000))
        expect(many, .exited(code: 0))
        #expect(many.stdoutText == "10000 20000\n", "\(many.summary)")
    }

    @Test(
        "The environment is exactly the documented one, and what the caller adds",
        arguments: await ConformanceSubject.all)
    func environment(subject: ConformanceSubject) async throws {
        let plain = try await subject.run("environment")
        let own = plain.fields("=")
        #expect(
            Set(own.keys) == ["PATH", "HOME", "LANG", "TZ", "LSAN_OPTIONS", "USER", "LOGNAME"],
            "\(plain.summary)")
        #expect(own["HOME"] == "/work" && own["LANG"] == "C.UTF-8" && own["TZ"] == "UTC", "\(plain.summary)")
        let user = subject.rootfs == .writable ? "root" : "sandbox"
        #expect(own["USER"] == user && own["LOGNAME"] == user, "\(plain.summary)")
        #expect(plain.lines.count == 7, "\(plain.summary)")

        let added = ["EMPTY": "", "TEXT": "a=b c", "TZ": "Europe/Prague"]
        let result = try await subject.run("environment", environment: added)
        let both = own.merging(added) { $1 }
        #expect(result.fields("=") == both && result.lines.count == both.count, "\(result.summary)")
    }
}
