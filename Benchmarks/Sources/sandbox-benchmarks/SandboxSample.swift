/// One timed use of a sandbox: acquire, write, run, close.

import Sandbox
import SandboxDocker

struct SandboxSample {
    var acquire = Duration.zero
    var write = Duration.zero
    var run = Duration.zero
    var close = Duration.zero
    /// The result's own wall time: from before the program's exec to its end.
    var wall = Duration.zero

    var withoutWrite: Duration { acquire + run + close }
    var withWrite: Duration { withoutWrite + write }

    static let command = Command("./program")

    static func take(_ backend: some SandboxBackend, _ program: Program) async throws -> SandboxSample {
        let clock = ContinuousClock()
        let start = clock.now
        let sandbox = try await backend.acquire(SandboxOptions())
        let acquired = clock.now
        try await sandbox.write(program.bytes, to: "program", executable: true)
        let written = clock.now
        let result = try await sandbox.run(command)
        let ended = clock.now
        await sandbox.close()
        let closed = clock.now
        try check(result)
        return SandboxSample(
            acquire: acquired - start, write: written - acquired, run: ended - written, close: closed - ended,
            wall: result.usage.wallTime)
    }

    static func check(_ result: RunResult) throws {
        guard result.outcome.isSuccess else {
            throw BenchmarkError("the sandboxed program ended with \(result.outcome): \(result.stderrText)")
        }
    }
}

/// A backend whose pool a measurement waits for.
protocol SettlingBackend: SandboxBackend {
    /// Waits until the pool's background work is done.
    func settle() async
}

extension LocalBackend: SettlingBackend {
    /// Waits until the first sandboxes are made, prints the layers and warms everything up.
    func warmUp(_ program: Program) async throws {
        let sandbox = try await acquire(SandboxOptions())
        Machine.printIsolation(sandbox.isolation)
        await sandbox.close()
        for _ in 0..<20 { _ = try await SandboxSample.take(self, program) }
        await settle()
    }

    func settle() async {
        while true {
            let now = statistics
            if now.available >= configuration.pool.minimum, now.creating == 0, now.destroying == 0 { return }
            try? await Task.sleep(for: .microseconds(50))
        }
    }
}

extension DockerBackend: SettlingBackend {
    func settle() async {
        while true {
            let now = statistics
            if now.available >= configuration.pool.minimum, now.creating + now.resetting + now.destroying == 0
            {
                return
            }
            try? await Task.sleep(for: .microseconds(50))
        }
    }
}
