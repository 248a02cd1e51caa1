// Output: streams kept apart, every byte kept, cut exactly at the limit.
import Foundation
import Sandbox
import Testing

@Suite("Output", .shared, .timeLimit(.patient))
struct OutputTests {
    static let bound = 64 << 10

    @Test("The streams stay apart", arguments: await ConformanceSubject.all)
    func apart(subject: ConformanceSubject) async throws {
        let result = try await subject.run("both_streams", ["9"])
        expect(result, .exited(code: 9))
        #expect(result.stdoutText == "to stdout\n", "\(result.summary)")
        #expect(result.stderrText == "to stderr\n", "\(result.summary)")
        #expect(!result.stdoutTruncated && !result.stderrTruncated, "\(result.summary)")
    }

    @Test("A flood is cut at the bound", arguments: await ConformanceSubject.all, [1, 2])
    func flood(subject: ConformanceSubject, descriptor: Int) async throws {
        let result = try await subject.run("flood", ["\(descriptor)"], limits: Limits(output: Self.bound))
        expect(result, .limitExceeded(.output))
        let (flooded, other) =
            descriptor == 1 ? (result.stdout, result.stderr) : (result.stderr, result.stdout)
        expectEqual(flooded, [UInt8](repeating: UInt8(ascii: "x"), count: Self.bound), "the flooded stream")
        #expect(other.isEmpty, "\(result.summary)")
        #expect(result.stdoutTruncated == (descriptor == 1), "\(result.summary)")
        #expect(result.stderrTruncated == (descriptor == 2), "\(result.summary)")
    }

    @Test(
        "Exactly the bound is kept whole; one byte more is not", arguments: await ConformanceSubject.all,
        [1, 2])
    func atTheBound(subject: ConformanceSubject, descriptor: Int) async throws {
        let limits = Limits(output: Self.bound)
        let expected = pattern(Self.bound)
        let whole = try await subject.run(
            "write_exactly", ["\(descriptor)", "\(Self.bound)"], limits: limits)
        expect(whole, .exited(code: 0))
        expectEqual(descriptor == 1 ? whole.stdout : whole.stderr, expected, "exactly the bound")
        #expect(!whole.stdoutTruncated && !whole.stderrTruncated, "\(whole.summary)")

        let more = try await subject.run(
            "write_exactly", ["\(descriptor)", "\(Self.bound + 1)"], limits: limits)
        expect(more, .limitExceeded(.output))
        expectEqual(descriptor == 1 ? more.stdout : more.stderr, expected, "one byte more")
        #expect((descriptor == 1 ? more.stdoutTruncated : more.stderrTruncated), "\(more.summary)")
    }

    @Test("A bound of one byte", arguments: await ConformanceSubject.all)
    func oneByte(subject: ConformanceSubject) async throws {
        let result = try await subject.run("write_exactly", ["1", "2"], limits: Limits(output: 1))
        expect(result, .limitExceeded(.output))
        #expect(result.stdout == [0] && result.stdoutTruncated, "\(result.summary)")
    }

    @Test("Each stream has the bound to itself", arguments: await ConformanceSubject.all)
    func separateBounds(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            _ = try await sandbox.install("write_exactly")
            let line = "./victim 1 \(Self.bound); ./victim 2 \(Self.bound)"
            let result = try await sandbox.run(
                Command("/bin/sh", ["-c", line]), limits: Limits(output: Self.bound))
            expect(result, .exited(code: 0))
            expectEqual(result.stdout, pattern(Self.bound), "stdout")
            expectEqual(result.stderr, pattern(Self.bound), "stderr")
        }
    }

    @Test("Any byte in any order comes through", arguments: await ConformanceSubject.all)
    func binary(subject: ConformanceSubject) async throws {
        var bytes = (0...255).map { UInt8($0) }
        bytes += [0xff, 0xfe, 0x00, 0x0d, 0x0a, 0x1a, 0xc0, 0x80] + bytes.reversed()
        let result = try await subject.run("echo_stdin", stdin: .bytes(bytes))
        expect(result, .exited(code: 0))
        expectEqual(result.stdout, bytes, "binary output")
    }

    @Test("Megabytes come through whole", arguments: await ConformanceSubject.all)
    func megabytes(subject: ConformanceSubject) async throws {
        let count = 5_000_003
        let result = try await subject.run(
            "write_exactly", ["1", "\(count)"], limits: Limits(output: 8 << 20))
        expect(result, .exited(code: 0))
        expectEqual(result.stdout, pattern(count), "5 MB of output")
    }

    @Test("What was written before a limit ended the run is kept", arguments: await ConformanceSubject.all)
    func beforeTheLimit(subject: ConformanceSubject) async throws {
        let result = try await subject.shell(
            "echo before; echo errors >&2; sleep 60", limits: Limits(wallTime: .milliseconds(400)))
        expect(result, .limitExceeded(.wallTime))
        #expect(result.stdoutText == "before\n" && result.stderrText == "errors\n", "\(result.summary)")
    }

    @Test("A file of output does not count as a stream", arguments: await ConformanceSubject.all)
    func toFile(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            _ = try await sandbox.install("write_exactly")
            let result = try await sandbox.run(
                Command("/bin/sh", ["-c", "./victim 1 100000 > file"]), limits: Limits(output: 1000))
            expect(result, .exited(code: 0))
            expectEqual(try await sandbox.read("file", maxBytes: 1 << 20), pattern(100_000), "the file")
        }
    }
}
