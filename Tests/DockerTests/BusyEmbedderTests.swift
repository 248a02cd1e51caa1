/// An embedder whose own tasks keep all of its threads busy for longer than an answer may take.

#if Docker
import Glibc
import Sandbox
import TestSupport
import Testing

@testable import SandboxDocker
import SandboxRuntime

@Suite("Busy embedder", .timeLimit(.minutes(10)))
struct BusyEmbedderTests {
    private static let patience = Duration.seconds(4)

    @Test("No container is lost because nobody had time for its answer")
    func nothingIsLost() async throws {
        let setUp = ContainerWorld.Change {
            $0.pool.maximum = 4
            $0.runDeadlineGrace = Self.patience
        }
        try await ContainerWorld.withBackend(setUp) { backend in
            let content = [UInt8](repeating: 7, count: 1 << 20)
            let left = Busy(2 * sysconf(Int32(_SC_NPROCESSORS_ONLN)))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        try await backend.withSandbox { sandbox in
                            while left.count > 0 {
                                for _ in 0..<10 { try await sandbox.write(content, to: "file") }
                                let result = try await sandbox.run(
                                    victim: "echo_stdin", stdin: .bytes(content))
                                #expect(result.outcome == .exited(code: 0), "\(result.told)")
                            }
                        }
                    }
                }
                for _ in 0..<left.count {
                    group.addTask {
                        // By then all containers are there, and files are being written.
                        try await Task.sleep(for: .seconds(3))
                        usleep(6_000_000)
                        left.end()
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    private final class Busy: Sendable {
        private let left: Locked<Int>
        init(_ count: Int) { left = Locked(count) }
        var count: Int { left.withLock { $0 } }
        func end() { left.withLock { $0 -= 1 } }
    }
}
#endif
