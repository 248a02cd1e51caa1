/// The backend finds its capabilities once, and callers that wait for them block no thread.

import CIsolate
import Glibc
import SandboxRuntime
import Testing

@testable import Sandbox

@Suite(.timeLimit(.minutes(10))) struct CapabilitiesTests {
    /// A host whose trials are counted, and held up until ``open()``.
    private struct HeldHost: Sendable {
        private final class Questions: Sendable {
            let all = Locked<[LocalHost.Question]>([])
        }

        private let questions = Questions()
        private let begun: AsyncStream<Void>
        private let door: AsyncStream<Void>.Continuation
        private let host: LocalHost

        init() {
            let (opened, door) = AsyncStream.makeStream(of: Void.self)
            let (begun, beginning) = AsyncStream.makeStream(of: Void.self)
            (self.begun, self.door) = (begun, door)
            host = LocalHost { [questions] question in
                questions.all.withLock { $0.append(question) }
                beginning.yield()
                for await _ in opened {}
                return .success(Self.world)
            }
        }

        var asked: [LocalHost.Question] { questions.all.withLock { $0 } }

        func open() { door.finish() }

        /// Waits until a trial has begun.
        func begins() async { for await _ in begun { return } }

        func backend() -> LocalBackend { LocalBackend(.init(minimum: 0), host: host) }

        /// One that no host has: only a trial of this one can have found it.
        private static var world: LocalWorld {
            var handle = isolate_supervisor()
            handle.level = Int32(ISOLATE_LEVEL_STANDARD.rawValue)
            handle.layers = UInt32(ISOLATE_LAYER_SECCOMP.rawValue)
            return LocalWorld(handle)
        }
    }

    /// Makes more callers than the task executor has threads: if each caller blocked one, no thread would be
    /// left to end the trial.
    @Test func firstCallersShareOneTrial() async throws {
        let host = HeldHost()
        let (coming, caller) = AsyncStream.makeStream(of: Int.self)
        let tasks = (0..<200).map { number in
            Task {
                let backend = host.backend()
                caller.yield(number)
                return await backend.capabilities
            }
        }
        var come = 0
        for await number in coming {
            // Who does not want to know any more spoils nothing for the others.
            if number % 3 == 0 { tasks[number].cancel() }
            come += 1
            if come == tasks.count { break }
        }
        host.open()
        for task in tasks {
            let capabilities = await task.value
            #expect(capabilities.level == .standard && capabilities.layers == [.seccomp])
            #expect(capabilities.rootfsModes == [.readOnly, .writable])
        }
        #expect(host.asked == [.init(), .init(isWritable: true)])
        // Nor is it made again later.
        #expect(await host.backend().capabilities.level == .standard)
        #expect(host.asked.count == 2)
    }

    private actor Caller {
        let host: HeldHost
        private(set) var steps: [String] = []

        init(_ host: HeldHost) { self.host = host }

        func ask() async {
            steps.append("asks")
            _ = await host.backend().capabilities
            steps.append("knows")
        }

        func goOn() {
            steps.append("goes on")
            host.open()
        }
    }

    /// The trial ends only when the actor of its caller does something else: a caller that blocked would wait for ever.
    @Test func aCallersActorGoesOnMeanwhile() async {
        let host = HeldHost()
        let caller = Caller(host)
        async let answer: Void = caller.ask()
        await host.begins()
        await caller.goOn()
        await answer
        #expect(await caller.steps == ["asks", "goes on", "knows"])
    }

    @Test func aShortageIsTriedAgainAndARefusalIsNot() async {
        let asked = Locked(0)
        let host = LocalHost { _ in
            let number = asked.withLock { asked in
                asked += 1
                return asked
            }
            return .failure(
                SandboxError(.setupFailed, errno: number == 1 ? EMFILE : EPERM, message: "trial \(number)"))
        }
        for message in ["trial 1", "trial 2", "trial 2"] {
            guard case .failure(let error) = await host.trial(.init()) else {
                Issue.record("there is a world")
                return
            }
            #expect(error.message == message)
        }
        #expect(asked.withLock { $0 } == 2)
    }
}
