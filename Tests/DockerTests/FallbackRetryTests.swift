/// Sandboxes that lose their backend during use: what is repeated on the second one, and what cannot be.

#if Docker
import Sandbox
import Synchronization
import Testing

@testable import SandboxDocker
@testable import SandboxFallback

@Suite(
    .timeLimit(.minutes(2)),
    .enabled("this host makes no sandboxes; MUST_WORK=1 runs these anyway") { await FallbackWorld.isPossible }
)
struct FallbackRetryTests {
    private let world = FallbackWorld()

    private func shell(_ script: String) -> Command { Command("/bin/sh", ["-c", script]) }

    /// The error of a lost run has the loss, its cause, and the reason why the run was not repeated.
    private func expectLost(
        _ error: SandboxError?, hint: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(error?.code == .containerLost, sourceLocation: sourceLocation)
        #expect(error?.hint?.contains(hint) == true, sourceLocation: sourceLocation)
        #expect(error?.provenance?.requested == "auto", sourceLocation: sourceLocation)
        #expect(error?.provenance?.kind == .docker, sourceLocation: sourceLocation)
    }

    @Test func aLostFirstRunIsRepeatedWithItsFiles() async throws {
        let backend = try world.backend()
        world.first.faults.runs = [.afterwards]
        try await backend.withSandbox { sandbox in
            try await sandbox.write("old", to: "a")
            try await sandbox.write("one ", to: "a")
            try await sandbox.write("#!/bin/sh\ncat a b -; echo >> a", to: "d/run", executable: true)
            var command = Command("d/run")
            command.inputFiles = [InputFile("b", Array("two ".utf8))]
            let result = try await sandbox.run(command, stdin: .string("three"))
            // The first try's own change to `a` was lost with its sandbox.
            #expect(result.stdoutText == "one two three" && result.outcome.isSuccess)
            #expect(result.provenance.kind == .local && result.provenance.attempt == 2)
            #expect(result.provenance.requested == "auto")
            #expect(result.provenance.fallbackReason == "the fault was injected (containerLost)")
            #expect(sandbox.provenance.kind == .local)
            // From here on the sandbox is an ordinary one of the second backend.
            #expect(try await sandbox.read("a", maxBytes: 9) == Array("one \n".utf8))
            let next = try await sandbox.run(shell("echo next"))
            #expect(next.stdoutText == "next\n" && next.provenance.attempt == 1)
            #expect(next.provenance.fallbackReason != nil)
        }
        let event = try #require(world.events.withLock { $0 }.first)
        #expect(event.isRetry && event.wasTried && event.code == .containerLost)
        #expect(world.first.runs == 1 && world.fallbacks(.containerLost) == 1)
        world.expectNothingInUse()
        await backend.shutdown()
    }

    @Test func aLaterRunIsNotRepeated() async throws {
        let backend = try world.backend()
        world.first.faults.runs = [nil, .beforeStart]
        try await backend.withSandbox { sandbox in
            try await sandbox.write("1", to: "a")
            _ = try await sandbox.run(shell("echo 2 >> a"))
            let error = await #expect(throws: SandboxError.self) { try await sandbox.run(shell("cat a")) }
            expectLost(error, hint: "what earlier runs left")
            #expect(error?.provenance?.fallbackReason == nil)
        }
        #expect(world.second.statistics.created == 0)
        world.expectNothingInUse()
        await backend.shutdown()
    }

    @Test func otherErrorsOfARunAreNotRepeated() async throws {
        let backend = try world.backend()
        world.first.faults.runs = [.beforeStart]
        world.first.faults.runError = .hostOutOfMemory
        let error = await #expect(throws: SandboxError.self) { try await backend.run(shell("true")) }
        #expect(error?.code == .hostOutOfMemory && world.second.statistics.created == 0)
        await backend.shutdown()
    }

    @Test func aStreamOfInputIsRepeatedOnlyIfNobodyReadIt() async throws {
        let backend = try world.backend()
        for (loss, isRepeated) in [(Faults.Loss.beforeStart, true), (.afterwards, false)] {
            world.first.faults.runs = [loss]
            let (stream, feed) = AsyncStream.makeStream(of: [UInt8].self)
            for text in ["a", "b", "c"] { feed.yield(Array(text.utf8)) }
            feed.finish()
            if isRepeated {
                let result = try await backend.run(Command("cat"), stdin: .stream(stream))
                #expect(result.stdoutText == "abc" && result.provenance.attempt == 2)
            } else {
                let error = await #expect(throws: SandboxError.self) {
                    try await backend.run(Command("cat"), stdin: .stream(stream))
                }
                expectLost(error, hint: "a part of its input is gone")
            }
        }
        await backend.shutdown()
    }

    @Test func filesBeyondTheBoundAreNotKept() async throws {
        let backend = try world.backend { $0.replayBytes = 10_000 }
        for (size, isRepeated) in [(9_000, true), (10_000, false)] {
            world.first.faults.runs = [.beforeStart]
            try await backend.withSandbox { sandbox in
                try await sandbox.write([UInt8](repeating: 7, count: size), to: "f")
                if isRepeated {
                    #expect(try await sandbox.run(shell("wc -c < f")).stdoutText == "\(size)\n")
                } else {
                    let error = await #expect(throws: SandboxError.self) {
                        try await sandbox.run(shell("wc -c < f"))
                    }
                    expectLost(error, hint: "too large to be kept")
                }
            }
        }
        await backend.shutdown()
    }

    @Test func aSandboxLostBeforeItsFirstRunMovesOn() async throws {
        let backend = try world.backend()
        try await backend.withSandbox { sandbox in
            try await sandbox.write("1", to: "a")
            world.first.faults.write = .containerLost
            try await sandbox.write("2", to: "b")
            #expect(sandbox.provenance.kind == .local)
            let result = try await sandbox.run(shell("cat a b"))
            #expect(result.stdoutText == "12" && result.provenance.attempt == 1)
            #expect(result.provenance.fallbackReason == "the fault was injected (containerLost)")
        }
        #expect(world.events.withLock { $0.map(\.isRetry) } == [false])
        world.expectNothingInUse()
        await backend.shutdown()
    }

    @Test func severalWritersShareOneMove() async throws {
        let backend = try world.backend()
        try await backend.withSandbox { sandbox in
            world.first.faults.write = .containerLost
            try await withThrowingDiscardingTaskGroup { group in
                for number in 0..<16 {
                    group.addTask { try await sandbox.write("\(number)", to: "f\(number)") }
                }
            }
            #expect(try await sandbox.run(shell("ls | wc -l")).stdoutText == "16\n")
        }
        #expect(world.second.statistics.acquired == 1 && world.events.withLock { $0.count } == 1)
        world.expectNothingInUse()
        await backend.shutdown()
    }

    /// A refused file must not be written by the replay, nor stop it.
    @Test func aRefusedFileIsNoPartOfTheStory() async throws {
        let backend = try world.backend()
        world.first.faults.runs = [.beforeStart]
        try await backend.withSandbox { sandbox in
            await #expect(throws: SandboxError.self) { try await sandbox.write("x", to: "../x") }
            let result = try await sandbox.run(shell("ls | wc -l"))
            #expect(result.stdoutText == "0\n")
        }
        await backend.shutdown()
    }

    @Test func theRepeatedRunMayFailToo() async throws {
        let backend = try world.backend()
        world.first.faults.runs = [.beforeStart]
        let error = await #expect(throws: SandboxError.self) {
            try await backend.run(Command("/no/such"))
        }
        #expect(error?.code == .executableNotFound && error?.provenance?.attempt == 2)
        #expect(error?.provenance?.kind == .local && error?.provenance?.fallbackReason != nil)
        world.expectNothingInUse()
        await backend.shutdown()
    }

    @Test func aSecondRunMeanwhileIsRefused() async throws {
        let backend = try world.backend()
        try await backend.withSandbox { sandbox in
            async let first = sandbox.run(shell("sleep 0.3; echo 1"))
            try await Task.sleep(for: .milliseconds(100))
            let error = await #expect(throws: SandboxError.self) { try await sandbox.run(shell("true")) }
            #expect(error?.code == .sandboxBusy && error?.provenance?.requested == "auto")
            let result = try await first
            #expect(result.stdoutText == "1\n")
            #expect(try await sandbox.run(shell("echo 2")).stdoutText == "2\n")
        }
        await backend.shutdown()
    }

    @Test func aClosedSandboxStaysClosed() async throws {
        let backend = try world.backend()
        let sandbox = try await backend.acquire(SandboxOptions())
        await sandbox.close()
        await sandbox.close()
        let error = await #expect(throws: SandboxError.self) { try await sandbox.run(shell("true")) }
        #expect(error?.code == .sandboxClosed)
        world.first.faults.runs = [.beforeStart]
        _ = try? await sandbox.run(shell("true"))
        #expect(world.second.statistics.created == 0)
        await backend.shutdown()
    }

    // MARK: Streaming

    private func stream(
        _ backend: FallbackBackend, _ script: String
    ) async throws -> (result: RunResult, text: String) {
        try await backend.withSandbox { sandbox in
            let (result, text) = try await sandbox.run(shell(script)) { execution in
                var bytes: [UInt8] = []
                for await chunk in execution.output { bytes += chunk.bytes }
                return String(decoding: bytes, as: UTF8.self)
            }
            return (result, text)
        }
    }

    @Test func outputIsStreamedFromTheFirst() async throws {
        let backend = try world.backend()
        let (result, text) = try await stream(backend, "echo a; sleep 0.05; echo b")
        #expect(text == "a\nb\n" && result.provenance.kind == .docker && result.stdout.isEmpty)
        #expect(result.provenance.requested == "auto")
        await backend.shutdown()
    }

    @Test(arguments: [Faults.Loss.beforeStart, .afterChunks(0)])
    func aStreamThatHasNotBegunIsRepeated(_ loss: Faults.Loss) async throws {
        let backend = try world.backend()
        world.first.faults.runs = [loss]
        let (result, text) = try await stream(backend, "echo a; echo b")
        #expect(text == "a\nb\n" && result.provenance.kind == .local && result.provenance.attempt == 2)
        world.expectNothingInUse()
        await backend.shutdown()
    }

    @Test func aStreamThatHasBegunIsNot() async throws {
        let backend = try world.backend()
        world.first.faults.runs = [.afterChunks(1)]
        let seen = Mutex("")
        let error = await #expect(throws: SandboxError.self) {
            try await backend.withSandbox { sandbox in
                try await sandbox.run(shell("echo a; sleep 0.2; echo b")) { execution in
                    for await chunk in execution.output {
                        seen.withLock { $0 += String(decoding: chunk.bytes, as: UTF8.self) }
                    }
                }
            }
        }
        expectLost(error, hint: "already handed out")
        #expect(seen.withLock { $0 } == "a\n" && world.second.statistics.created == 0)
        world.expectNothingInUse()
        await backend.shutdown()
    }

    @Test func whatTheConsumerThrowsIsItsOwn() async throws {
        let backend = try world.backend { $0.breaker.threshold = 1 }
        let error = await #expect(throws: SandboxError.self) {
            try await backend.withSandbox { sandbox in
                try await sandbox.run(shell("echo a; sleep 60")) { _ in
                    throw SandboxError(.containerLost, message: "a consumer's own")
                }
            }
        }
        #expect(error?.message == "a consumer's own" && world.second.statistics.created == 0)
        #expect(backend.breakerPosition == .closed)
        world.expectNothingInUse()
        await backend.shutdown()
    }

    @Test func aConsumerThatReturnsEarlyLetsTheRunEnd() async throws {
        let backend = try world.backend()
        let answer = try await backend.withSandbox { sandbox in
            try await sandbox.run(shell("yes | head -c 3000000; exit 3")) { execution in
                for await chunk in execution.output { return chunk.bytes.first }
                return nil
            }
        }
        #expect(answer.value == UInt8(ascii: "y"))
        #expect(
            answer.result.outcome == .limitExceeded(.output) || answer.result.outcome == .exited(code: 3))
        await backend.shutdown()
    }

    @Test func cancellationEndsAStreamingRun() async throws {
        let backend = try world.backend()
        let began = Mutex(false)
        let task = Task {
            try await backend.withSandbox { sandbox in
                try await sandbox.run(shell("echo a; sleep 60")) { execution in
                    for await _ in execution.output { began.withLock { $0 = true } }
                }
            }
        }
        while !began.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(2)) }
        let start = ContinuousClock.now
        task.cancel()
        let error = await #expect(throws: SandboxError.self) { try await task.value }
        #expect(error?.code == .cancelled && ContinuousClock.now - start < .seconds(20))
        world.expectNothingInUse()
        await backend.shutdown()
    }
}
#endif
