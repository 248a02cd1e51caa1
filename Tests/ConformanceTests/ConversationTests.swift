// Programs that talk to each other: ends of files, broken pipes, limits, failures and deadlocks, in every form of a
// connection.
import Foundation
import Sandbox
import SandboxRuntime
import Testing

@Suite("Conversations", .shared, .timeLimit(.patient))
struct ConversationTests {
    /// With a transcript everything goes through this process, without one through the kernel where that is possible.
    static let transcripts: [TranscriptPolicy] = [.none, .upTo(1 << 20)]
    /// Longer than any of these conversations has to take, also beside other tests.
    static let limits = Limits(
        wallTime: .seconds(isEmulated ? 300 : 60), cpuTime: .seconds(isEmulated ? 300 : 30))

    static func python(
        _ name: String, _ source: String, _ subject: ConformanceSubject, limits: Limits = limits
    ) -> Participant {
        let header = "import os, sys, time, signal\n"
        return Participant(
            name, Command("/usr/bin/python3", ["-c", header + source]), on: subject.backend,
            options: subject.options(), limits: limits)
    }

    static func shell(_ name: String, _ line: String, _ subject: ConformanceSubject) -> Participant {
        Participant(
            name, Command("/bin/sh", ["-c", line]), on: subject.backend, options: subject.options(),
            limits: limits)
    }

    static func expect(
        _ result: ConversationResult, _ name: String, _ outcome: Outcome,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(
            result[name]?.result?.outcome == outcome,
            "\(name): \(result[name]?.result?.summary ?? "no result")",
            sourceLocation: sourceLocation)
    }

    @Test("Lines go back and forth", arguments: await ConformanceSubject.all, transcripts)
    func rounds(subject: ConformanceSubject, transcript: TranscriptPolicy) async throws {
        let result = try await converse(
            [
                Self.python(
                    "asks", "for i in range(200):\n print(i, flush=True)\n assert int(input()) == i * i",
                    subject),
                Self.python("answers", "for line in sys.stdin: print(int(line) ** 2, flush=True)", subject),
            ], connections: Connection.between("asks", "answers"), transcript: transcript)
        Self.expect(result, "asks", .exited(code: 0))
        Self.expect(result, "answers", .exited(code: 0))
        #expect(result.firstToEnd == Precedence(name: "asks", isCertain: true))
        #expect(result.firstToFail == nil)
        #expect(result.deadlock == nil)
        #expect(result.connections[0].firstToClose?.name == "asks")
        guard transcript != .none else { return #expect(result.transcript.entries.isEmpty) }
        let said = result.transcript.entries.filter { $0.connection == 0 }.flatMap(\.bytes)
        #expect(said == Array((0..<200).map { "\($0)\n" }.joined().utf8))
        #expect(result.connections[0].bytes == said.count)
        #expect(!result.transcript.isCut)
        let times = result.transcript.entries.map(\.after)
        #expect(times == times.sorted())
    }

    @Test("A reader that ends breaks the writer's pipe", arguments: await ConformanceSubject.all, transcripts)
    func readerEnds(subject: ConformanceSubject, transcript: TranscriptPolicy) async throws {
        let result = try await converse(
            [
                Self.shell("writer", "while :; do echo line; done", subject),
                Self.shell("reader", "read line", subject),
            ], connections: [Connection(from: "writer", to: "reader")], transcript: transcript)
        Self.expect(result, "writer", .signaled(signal: SIGPIPE))
        Self.expect(result, "reader", .exited(code: 0))
        #expect(result.firstToEnd == Precedence(name: "reader", isCertain: true))
        #expect(result.firstToFail?.name == "writer")
        #expect(result.connections[0].firstToClose?.name == "reader")
    }

    @Test(
        "A writer that closes its stdout and goes on ends the reader's input",
        arguments: await ConformanceSubject.all, transcripts)
    func writerCloses(subject: ConformanceSubject, transcript: TranscriptPolicy) async throws {
        let result = try await converse(
            [
                Self.python(
                    "writer", "os.write(1, b'abc')\nos.close(1)\nos._exit(int(sys.stdin.read()))", subject),
                Self.python("reader", "print(len(sys.stdin.read()), flush=True)", subject),
            ], connections: Connection.between("writer", "reader"), transcript: transcript)
        // The writer's exit code is what the reader said after the end of its input.
        Self.expect(result, "writer", .exited(code: 3))
        Self.expect(result, "reader", .exited(code: 0))
        if transcript != .none { #expect(result.connections[0].firstToClose?.name == "writer") }
    }

    @Test(
        "A reader that closes its stdin and goes on breaks the writer's pipe",
        arguments: await ConformanceSubject.all, transcripts)
    func readerCloses(subject: ConformanceSubject, transcript: TranscriptPolicy) async throws {
        var reader = Self.python("reader", "os.close(0)\nos.write(1, b'go\\n')\ntime.sleep(50)", subject)
        reader.grace = .zero
        let result = try await converse(
            [Self.shell("writer", "read go; while :; do echo line; done", subject), reader],
            connections: Connection.between("writer", "reader"), transcript: transcript)
        Self.expect(result, "writer", .signaled(signal: SIGPIPE))
        #expect(result.firstToFail?.name == "writer")
        #expect(result["reader"]?.stopped == .failure(of: "writer"))
        if transcript != .none { #expect(result.connections[0].firstToClose?.name == "reader") }
    }

    @Test(
        "A child that keeps the pipe open keeps no reader waiting", arguments: await ConformanceSubject.all,
        transcripts)
    func child(subject: ConformanceSubject, transcript: TranscriptPolicy) async throws {
        let result = try await converse(
            [
                Self.shell("writer", "(sleep 50) & echo line", subject), Self.shell("reader", "cat", subject),
            ], connections: [Connection(from: "writer", to: "reader")], transcript: transcript)
        Self.expect(result, "writer", .exited(code: 0))
        Self.expect(result, "reader", .exited(code: 0))
        #expect(result["reader"]?.result?.stdoutText == "line\n")
        #expect((result["reader"]?.endedAfter ?? .seconds(60)) < .seconds(45))
    }

    @Test("Both may open their ends anew", arguments: await ConformanceSubject.all, transcripts)
    func reopen(subject: ConformanceSubject, transcript: TranscriptPolicy) async throws {
        let result = try await converse(
            [
                Self.shell("writer", "echo line > /dev/stdout", subject),
                Self.shell("reader", "cat < /dev/stdin", subject),
            ], connections: [Connection(from: "writer", to: "reader")], transcript: transcript)
        Self.expect(result, "writer", .exited(code: 0))
        #expect(result["reader"]?.result?.stdoutText == "line\n")
    }

    @Test(
        "A flood waits for its reader, in bounded memory", arguments: await ConformanceSubject.all,
        transcripts)
    func flood(subject: ConformanceSubject, transcript: TranscriptPolicy) async throws {
        var limits = Self.limits
        limits.output = 1 << 30
        let result = try await converse(
            [
                Self.python("writer", "while True: os.write(1, b'x' * 65536)", subject, limits: limits),
                Self.python("reader", "time.sleep(1)\nos.read(0, 10)", subject),
            ], connections: [Connection(from: "writer", to: "reader")], transcript: transcript)
        // Python ignores SIGPIPE, and its write throws.
        Self.expect(result, "writer", .exited(code: 1))
        Self.expect(result, "reader", .exited(code: 0))
        let used = try #require(result["writer"]?.result?.usage.cpuTime)
        #expect(used < .milliseconds(900), "it wrote all the time: \(used)")
        if let bytes = result.connections[0].bytes { #expect(bytes <= 1 << 20) }
    }

    @Test("What is relayed counts towards the output limit", arguments: await ConformanceSubject.all)
    func outputLimit(subject: ConformanceSubject) async throws {
        var limits = Self.limits
        limits.output = 100_000
        let result = try await converse(
            [
                Self.python("writer", "while True: os.write(1, b'x' * 1000)", subject, limits: limits),
                Self.shell("reader", "wc -c", subject),
            ], connections: [Connection(from: "writer", to: "reader")], transcript: .upTo(1000))
        Self.expect(result, "writer", .limitExceeded(.output))
        Self.expect(result, "reader", .exited(code: 0))
        #expect(
            result["reader"]?.result?.stdoutText.trimmingCharacters(in: .whitespacesAndNewlines) == "100000")
        #expect(result.connections[0].bytes == 100_000)
        #expect(result.transcript.isCut)
        #expect(result.transcript.entries.reduce(0) { $0 + $1.bytes.count + Transcript.entryCost } <= 1000)
    }

    @Test("After a failure the others have their grace", arguments: await ConformanceSubject.all, transcripts)
    func grace(subject: ConformanceSubject, transcript: TranscriptPolicy) async throws {
        var second = Self.shell("second", "while :; do :; done", subject)
        second.grace = .milliseconds(100)
        let result = try await converse(
            [Self.shell("first", "exit 3", subject), second],
            connections: Connection.between("first", "second"),
            transcript: transcript)
        Self.expect(result, "first", .exited(code: 3))
        Self.expect(result, "second", .signaled(signal: SIGKILL))
        #expect(result["second"]?.stopped == .failure(of: "first"))
        #expect(result.firstToFail == Precedence(name: "first", isCertain: true))
        // The result of one that was stopped says what it used.
        #expect((result["second"]?.result?.usage.cpuTime ?? .zero) > .zero)
    }

    @Test("Several outputs lead to one stdin", arguments: await ConformanceSubject.all)
    func several(subject: ConformanceSubject) async throws {
        let result = try await converse(
            [
                Self.shell("one", "for i in 1 2 3; do echo one; done", subject),
                Self.shell("two", "for i in 1 2 3; do echo two >&2; done", subject),
                Self.shell("all", "sort", subject),
            ],
            connections: [Connection(from: "one", to: "all"), Connection(from: "two", .stderr, to: "all")])
        #expect(result["all"]?.result?.stdoutText == "one\none\none\ntwo\ntwo\ntwo\n")
        #expect(result.connections.allSatisfy { $0.form != .pipe })
    }

    @Test(
        "A program that cannot be started ends the others", arguments: await ConformanceSubject.all,
        transcripts)
    func notFound(subject: ConformanceSubject, transcript: TranscriptPolicy) async throws {
        let start = ContinuousClock.now
        await expectError(.executableNotFound) {
            try await converse(
                [
                    Self.shell("one", "sleep 50", subject),
                    Participant(
                        "two", Command("/no/such/program"), on: subject.backend, options: subject.options(),
                        limits: Self.limits),
                ], connections: Connection.between("one", "two"), transcript: transcript)
        }
        #expect(ContinuousClock.now - start < .seconds(45))
    }

    @Test("Cancelling ends all of them", arguments: await ConformanceSubject.all, transcripts)
    func cancel(subject: ConformanceSubject, transcript: TranscriptPolicy) async throws {
        let task = Task {
            try await converse(
                [Self.shell("one", "sleep 50", subject), Self.shell("two", "cat; sleep 50", subject)],
                connections: Connection.between("one", "two"), transcript: transcript)
        }
        try await Task.sleep(for: .milliseconds(300))
        let start = ContinuousClock.now
        task.cancel()
        await expectError(.cancelled) { try await task.value }
        #expect(ContinuousClock.now - start < .seconds(30))
    }

    @Test("Connections that cannot be")
    func invalid() async throws {
        let subject = try #require(await ConformanceSubject.all.first)
        let (one, two) = (Self.shell("one", "", subject), Self.shell("two", "", subject))
        for (participants, connections) in [
            ([], []), ([one, one], []), ([one], [Connection(from: "one", to: "one")]),
            ([one, two], [Connection(from: "one", to: "three")]),
            ([one, two], [Connection(from: "one", to: "two"), Connection(from: "one", to: "two")]),
        ] as [([Participant], [Connection])] {
            await expectError(.invalidArgument) { try await converse(participants, connections: connections) }
        }
    }
}
