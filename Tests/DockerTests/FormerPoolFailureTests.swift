/// Failures of earlier systems, a test for each: S3 and S5.

#if Docker
import Foundation
import Sandbox
import Synchronization
import Testing

@testable import SandboxDocker
@testable import SandboxFallback
import SandboxRuntime

@Suite(.serialized, .timeLimit(.minutes(3))) struct FormerPoolFailureTests {
    // MARK: S3, sessions in front of a runner

    @Test("S3: a missing image, a missing program and a missing file are three different errors")
    func threeKindsOfMissing() async throws {
        try await DockerSubject.with { subject in
            let image = await expectSandboxError(.imageUnavailable, "nonexistent/image") {
                _ = try await subject.backend.acquire(
                    SandboxOptions(image: .reference("nonexistent/image")))
            }
            #expect(image?.provenance?.image == "nonexistent/image")
            try await subject.backend.withSandbox { sandbox in
                await expectSandboxError(.executableNotFound, "/nonexistent/program") {
                    _ = try await sandbox.run(Command("/nonexistent/program"))
                }
                await expectSandboxError(.fileNotFound, "nonexistent.txt") {
                    _ = try await sandbox.read("nonexistent.txt", maxBytes: 10)
                }
                // A program that finds no file is not an error of the sandbox.
                let result = try await sandbox.run(Command("cat", ["nonexistent.txt"]))
                #expect(result.outcome == .exited(code: 1))
            }
        }
    }

    @Test("S3: every result and every error names the image and its digest")
    func everyResultNamesItsImage() async throws {
        try await DockerSubject.with { subject in
            for name in ["cpp-runner", "python-runner:latest"] {
                let image = try #require(try await subject.client.images.inspect(name))
                let options = SandboxOptions(image: .reference(name))
                let who = try await subject.backend.run(Command("/bin/true"), options: options).provenance
                #expect(who.image == name && who.imageDigest == image.id)
                let error = await expectSandboxError(.executableNotFound) {
                    _ = try await subject.backend.run(Command("nonexistent"), options: options)
                }
                #expect(error?.provenance?.image == name && error?.provenance?.imageDigest == image.id)
            }
        }
    }

    @Test("S3: health runs a real program: a container that fails it is replaced")
    func healthRunsAProgram() async throws {
        // A container that works at first, and later no longer.
        let end = Date().timeIntervalSince1970 + 3
        let probe = HealthProbe(
            [Command("/bin/sh", ["-c", "test $(date +%s) -lt \(Int(end)) && echo well"])],
            expected: "well\n")
        try await DockerSubject.configured {
            ($0.pool.minimum, $0.pool.maximum) = (1, 2)
            $0.pool.healthCheckInterval = .milliseconds(200)
            $0.healthChecks = [probe]
        }.with { subject in
            try await subject.backend.warm()
            let first = try await subject.containers()
            try await subject.until("checked") { $0.checking > 0 }
            #expect(subject.backend.statistics.unfit == 0, "\(subject.backend.statistics)")
            try await subject.until("replaced") { $0.destroyed > 0 && $0.unfit > 0 && $0.available > 0 }
            let now = try await subject.containers()
            #expect(
                Date().timeIntervalSince1970 >= end - 1 && Set(now).isDisjoint(with: first),
                "\(first), \(now)")
            #expect(subject.backend.statistics.created > 1)
        }
    }

    @Test("S3: health finds an interpreter that is no more")
    func healthFindsABrokenInterpreter() async throws {
        // The second probe's first command exists, a later one does not: the container is broken, and its
        // image is not one for another language.
        let probes = [
            HealthProbe([Command("/usr/bin/nonexistent")], expected: ""),
            HealthProbe([Command("true"), Command("./nonexistent")], expected: ""),
        ]
        try await DockerSubject.configured {
            ($0.pool.minimum, $0.pool.maximum) = (1, 1)
            $0.pool.healthCheckInterval = .milliseconds(100)
            $0.healthChecks = probes
        }.with { subject in
            try await subject.backend.warm()
            try await subject.until("found") { $0.unfit > 0 }
        }
    }

    // MARK: S5, a pool that believed the engine's word

    @Test("S5: a container that died while idle serves no caller, although the engine lists it as running")
    func noDeadContainer() async throws {
        try await DockerSubject.configured { ($0.pool.minimum, $0.pool.maximum) = (2, 3) }.with {
            subject in
            try await subject.backend.warm()
            for _ in 0..<5 {
                try await subject.until("ready") { $0.available >= 2 }
                let dead = try await subject.containers()
                var met: [String] = []
                await withTaskGroup(of: String?.self) { group in
                    for id in dead {
                        group.addTask {
                            _ = try? await subject.client.containers.kill(id)
                            return nil
                        }
                    }
                    // At once, while the engine still lists the containers as running.
                    for _ in 0..<2 { group.addTask { await Self.deathMet(subject) } }
                    for await id in group { if let id { met.append(id) } }
                }
                // One container's end may not have been reported yet: one caller may get its error, but no
                // later caller.
                for _ in 0..<dead.count + 3 {
                    if let id = await Self.deathMet(subject) { met.append(id) }
                }
                #expect(Set(met).isSubset(of: dead) && Set(met).count == met.count, "\(met) of \(dead)")
            }
        }
    }

    /// Runs a program; returns the container that died during the run, if one did.
    private static func deathMet(_ subject: DockerSubject) async -> String? {
        do {
            #expect(try await subject.shell("echo alive").stdoutText == "alive\n")
        } catch let error as SandboxError where error.code == .containerLost {
            return error.provenance?.sandbox
        } catch {
            Issue.record(error)
        }
        return nil
    }

    /// The backend gives up a pool when its image is gone from the engine.
    @Test("X14: a pool's counters outlive the pool")
    func countersOutliveTheirPool() async throws {
        try await DockerSubject.configured { $0.pool.minimum = 0 }.with { subject in
            // More images than a backend keeps pools for.
            var names: [String] = []
            for number in 0..<9 {
                let name = try ImageName(parsing: "sandbox-test/many:\(number)")
                try await subject.client.images.tag("sandbox-test/static", as: name)
                names.append("\(name)")
            }
            for name in names {
                try await subject.backend.acquire(SandboxOptions(image: .reference(name))).close()
            }
            let statistics = subject.backend.statistics
            #expect(statistics.acquired == 9 && statistics.created == 9, "\(statistics)")
            #expect(subject.backend.poolDetails.statistics.acquired == 9)
            await subject.backend.shutdown()
            for name in names { try await subject.client.images.remove(name) }
        }
    }

    @Test("S5: a container that is removed while it is made does not fail the waiting caller")
    func removedWhileMade() async throws {
        // Each caller waits for a container of its own.
        try await DockerSubject.configured {
            ($0.pool.minimum, $0.pool.maximum, $0.pool.maxUses) = (0, 2, 1)
        }.with { subject in
            for _ in 0..<40 where subject.backend.statistics.failures < 3 {
                let remover = Task {
                    while !Task.isCancelled {
                        guard let id = try await subject.containers().first else { continue }
                        _ = try await subject.client.containers.remove(id)
                        return
                    }
                }
                try await subject.backend.acquire(SandboxOptions()).close()
                remover.cancel()
                _ = try? await remover.value
                // The next round's remover must find a new container.
                try await subject.until("gone") { $0.total == 0 }
            }
            #expect(subject.backend.statistics.failures > 0, "none was removed in time")
        }
    }

    @Test("S5: a fallback's reason is in the result, in errors and in the callback")
    func fallbackSaysWhy() async throws {
        var docker = DockerConfiguration()
        docker.engineHost = "unix:///nonexistent/engine.sock"
        docker.logger = .silent
        let heard = Mutex<[FallbackEvent]>([])
        var configuration = FallbackBackend.Configuration()
        configuration.logger = .silent
        configuration.onFallback = { event in heard.withLock { $0.append(event) } }
        configuration.secondaryImage = { _ in .host }
        let backend = try FallbackBackend(
            primary: try DockerBackend(configuration: docker), secondary: LocalBackend(), configuration)
        let result = try await backend.run(Command("echo", ["here"]))
        #expect(result.stdoutText == "here\n" && result.provenance.kind == .local)
        #expect(result.provenance.requested == "auto")
        let reason = try #require(result.provenance.fallbackReason)
        #expect(reason.contains("/nonexistent/engine.sock"))
        let error = await expectSandboxError(.executableNotFound) {
            _ = try await backend.run(Command("nonexistent"))
        }
        #expect(error?.provenance?.fallbackReason?.contains("/nonexistent/engine.sock") == true)
        #expect(heard.withLock { $0.map(\.code) } == [.backendUnavailable, .backendUnavailable])
        await backend.shutdown()
    }

    @Test("S5: health checks are off the acquire path")
    func healthChecksCostNobody() async throws {
        let probe = HealthProbe([Command("/bin/sh", ["-c", "sleep 1; echo well"])], expected: "well\n")
        try await DockerSubject.configured {
            ($0.pool.minimum, $0.pool.maximum) = (2, 4)
            $0.pool.healthCheckInterval = .milliseconds(50)
            $0.healthChecks = [probe]
        }.with { subject in
            try await subject.backend.warm()
            try await subject.until("both made") { $0.created >= 2 && $0.creating == 0 }
            var (waits, during) = ([Duration](), 0)
            for _ in 0..<30 {
                try await Task.sleep(for: .milliseconds(60))
                if subject.backend.statistics.checking > 0 { during += 1 }
                let start = ContinuousClock.now
                let sandbox = try await subject.backend.acquire(SandboxOptions())
                waits.append(ContinuousClock.now - start)
                await sandbox.close()
            }
            waits.sort()
            print(
                "acquire during health checks of 1 s: median \(waits[15].milliseconds) ms, longest \(waits[29].milliseconds) ms"
            )
            #expect(during >= 10, "there were health checks")
            #expect(waits[29] < .milliseconds(900) && waits[15] < .milliseconds(100), "\(waits)")
        }
    }

    @Test("S5: no container leaks over 200 times of acquire, cancel and fail", .timeLimit(.minutes(2)))
    func nothingLeaks() async throws {
        try await DockerSubject.configured { ($0.pool.minimum, $0.pool.maximum) = (2, 4) }.with {
            subject in
            try await subject.backend.warm()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<200 {
                    if number >= 8 { try await group.next() }
                    group.addTask { try await Self.useAndLose(number, subject) }
                }
                try await group.waitForAll()
            }
            try await subject.until("quiet") { $0.total == $0.available && $0.waiting == 0 }
            let statistics = subject.backend.statistics
            #expect(
                (2...4).contains(statistics.total)
                    && statistics.created - statistics.destroyed == statistics.total, "\(statistics)")
            // The engine has as many containers as the pool.
            var there = try await subject.containers()
            for _ in 0..<200 where there.count != subject.backend.statistics.total {
                try await Task.sleep(for: .milliseconds(10))
                there = try await subject.containers()
            }
            #expect(there.count == subject.backend.statistics.total, "\(statistics)")
        }
    }

    /// One of the ways in which a caller ends its use.
    private static func useAndLose(_ number: Int, _ subject: DockerSubject) async throws {
        switch number % 8 {
        case 0:
            #expect(try await subject.shell("exit 7").outcome == .exited(code: 7))
        case 1, 2:
            // Cancelled while queued, during the acquisition, or during the run.
            let task = Task { try await subject.shell("sleep 20") }
            try await Task.sleep(for: .milliseconds(number % 40))
            task.cancel()
            await expectSandboxError(.cancelled) { _ = try await task.value }
        case 3:
            await expectSandboxError(.executableNotFound) {
                _ = try await subject.backend.run(Command("nonexistent"))
            }
        case 4:
            struct Own: Error {}
            await #expect(throws: Own.self) {
                try await subject.backend.withSandbox { sandbox in
                    try await sandbox.write("text", to: "file")
                    throw Own()
                }
            }
        case 5 where number % 40 == 5:
            // The container is destroyed with its sandbox.
            try await subject.backend.withSandbox { sandbox in
                _ = try await subject.client.containers.kill(sandbox.provenance.sandbox)
                await expectSandboxError(.containerLost) {
                    for _ in 0..<1000 { _ = try await sandbox.run(Command("/bin/true")) }
                }
            }
        case 6:
            await expectSandboxError(.imageUnavailable) {
                _ = try await subject.backend.acquire(
                    SandboxOptions(image: .reference("nonexistent/\(number)")))
            }
        default:
            let limits = Limits(wallTime: .milliseconds(30))
            #expect(
                try await subject.shell("sleep 20", limits: limits).outcome == .limitExceeded(.wallTime))
        }
    }
}
#endif
