// A deadlock is told from slowness: programs that wait for each other are ended, and no others.
import Foundation
import Sandbox
import SandboxRuntime
import Testing

@Suite("Deadlocks", .shared, .timeLimit(.patient))
struct DeadlockTests {
    /// Whether participants can be looked at with certainty: on the local backend with namespaces of its own.
    private func canLook(_ subject: ConformanceSubject) -> Bool {
        subject.capabilities.kind == .local && subject.capabilities.level >= .standard
    }

    @Test("All wait for each other", arguments: await ConformanceSubject.all, ConversationTests.transcripts)
    func deadlock(subject: ConformanceSubject, transcript: TranscriptPolicy) async throws {
        var limits = ConversationTests.limits
        if !canLook(subject) { limits.wallTime = .seconds(3) }
        let source = "print('x', flush=True)\ninput()\ninput()"
        let result = try await converse(
            [
                ConversationTests.python("one", source, subject, limits: limits),
                ConversationTests.python("two", source, subject, limits: limits),
            ], connections: Connection.between("one", "two"), transcript: transcript)
        guard canLook(subject) else {
            #expect(result.deadlock == nil)
            // The first to meet its wall time limit; the other one then reads the end of its input.
            #expect(result.participants.contains { $0.result?.outcome == .limitExceeded(.wallTime) })
            return
        }
        #expect(
            result.deadlock?.waits == [
                Wait(name: "one", sources: ["two"]), Wait(name: "two", sources: ["one"]),
            ])
        #expect(result.waits.map(\.name) == ["one", "two"])
        #expect(result.participants.map(\.stopped) == [.deadlock, .deadlock])
        #expect(result.firstToFail == nil)
    }

    @Test("A deadlock that is only reported", arguments: await ConformanceSubject.all)
    func reported(subject: ConformanceSubject) async throws {
        guard canLook(subject) else { return }
        var limits = ConversationTests.limits
        // Time for both to start on a busy machine, and for two looks.
        limits.wallTime = .seconds(20)
        let result = try await converse(
            [
                ConversationTests.python("one", "input()", subject, limits: limits),
                ConversationTests.python("two", "input()", subject, limits: limits),
            ], connections: Connection.between("one", "two"), deadlock: .report)
        #expect(result.deadlock != nil)
        #expect(result.participants.allSatisfy { $0.stopped == nil })
        #expect(result.participants.contains { $0.result?.outcome == .limitExceeded(.wallTime) })
    }

    /// What is no deadlock although nobody uses the processor for longer than two looks are apart.
    static let slow = [
        "sleeps": "time.sleep(1.5)\nprint('x', flush=True)\ninput()",
        "is woken by a timer":
            "signal.signal(signal.SIGALRM, lambda *_: print('x', flush=True))\nsignal.alarm(2)\ninput()",
        "has a thread":
            "import threading\nthreading.Timer(1.5, lambda: print('x', flush=True)).start()\ninput()",
        "has a child": "if os.fork() == 0:\n time.sleep(1.5)\n print('x', flush=True)\n os._exit(0)\ninput()",
        "computes":
            "end = time.process_time() + 1\nwhile time.process_time() < end: pass\nprint('x', flush=True)\ninput()",
    ]

    @Test("Slowness is no deadlock", arguments: await ConformanceSubject.all, slow.keys.sorted())
    func slowness(subject: ConformanceSubject, kind: String) async throws {
        let result = try await converse(
            [
                ConversationTests.python("slow", Self.slow[kind]!, subject),
                ConversationTests.python("waits", "input()\nprint('y', flush=True)", subject),
            ], connections: Connection.between("slow", "waits"))
        ConversationTests.expect(result, "slow", .exited(code: 0))
        ConversationTests.expect(result, "waits", .exited(code: 0))
        #expect(result.deadlock == nil)
    }
}
