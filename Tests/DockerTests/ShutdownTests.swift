/// Shutting a backend down while its pools are at work.

#if Docker
import NIOCore
import Sandbox
import Synchronization
import TestSupport
import Testing

@testable import SandboxDocker

@Suite("Shutdown", .timeLimit(.minutes(2))) struct ShutdownTests {
    /// The pool removes a used container, and the shutdown removes those that it knows: neither may meet a client that
    /// the other has closed.
    @Test func aContainerThatIsBeingRemovedIsWaitedFor() async throws {
        guard let engine = EngineWorld.engine else {
            return skip("there is no engine; SANDBOX_TEST_ENGINE names it")
        }
        try await EngineProxy.with(engine) { proxy in
            let log = LogLines()
            var configuration = ContainerWorld.configuration(proxy.host)
            (configuration.pool.minimum, configuration.pool.maximum, configuration.pool.maxUses) = (0, 1, 1)
            configuration.logger = log.logger
            let backend = try DockerBackend(configuration: configuration)
            let result: Result<Void, any Error>
            do {
                let run = try await backend.run(victim: "nothing")
                #expect(run.outcome == .exited(code: 0), "\(run.told)")
                // The pool's question about the container arrives long after the shutdown's own.
                let questions = Atomic(0)
                proxy.delay { line in
                    let isQuestion =
                        line.hasPrefix("GET") && line.contains("/containers/") && line.contains("/json")
                    guard isQuestion else { return nil }
                    return questions.add(1, ordering: .relaxed).oldValue == 0 ? .seconds(1) : nil
                }
                let isAsked = await ContainerWorld.eventually { questions.load(ordering: .relaxed) > 0 }
                #expect(isAsked)
                result = .success(())
            } catch {
                result = .failure(error)
            }
            await backend.shutdown()
            try result.get()
            // One line of the pool and one of the shutdown, of which neither may come later.
            let lines = log.all.filter { $0.hasSuffix("container removed") }
            #expect(lines.count == 2, "\(log.all)")
            #expect(log.loud.filter { !$0.contains("dead owner") } == [])
        }
    }
}
#endif
