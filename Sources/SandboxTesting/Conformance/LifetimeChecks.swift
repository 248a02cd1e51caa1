/// Checks of successive and cancelled runs, and of the end of sandboxes and backends.

import SandboxAPI

enum LifetimeChecks {
    static let all = [
        serial, busy, leftovers, cancel, cancelBefore, cancelStreaming, closed, closing, closingInBody,
        statistics,
        shutdown,
    ]

    static let serial = ConformanceCheck("Runs of one sandbox follow one another") { it in
        try await it.withSandbox { sandbox in
            for index in 0..<20 {
                let command = it.shell("printf x >> count; \(it.tools.cat) count; exit \(index)")
                let result = try await sandbox.run(command, limits: ConformanceContext.patient)
                it.expect(
                    result, exited: Int32(index), stdout: String(repeating: "x", count: index + 1), stderr: ""
                )
            }
        }
    }

    static let busy = ConformanceCheck("A second run meanwhile finds the sandbox busy") { it in
        try await it.withSandbox { sandbox in
            let (questions, ask) = AsyncStream<[UInt8]>.makeStream()
            let (result, _) = try await sandbox.run(
                it.shell("echo ready; read line; exit 3"), stdin: .stream(questions),
                limits: ConformanceContext.patient
            ) { execution in
                var iterator = execution.output.makeAsyncIterator()
                _ = await iterator.next()
                await it.expectError(.sandboxBusy) { try await sandbox.run(it.shell("exit 0")) }
                await it.expectError(.sandboxBusy) {
                    try await sandbox.run(it.shell("exit 0")) { _ in }.result
                }
                ask.finish()
            }
            it.expect(result, exited: 3)
            it.expect(
                try await sandbox.run(it.shell("exit 4"), limits: ConformanceContext.patient), exited: 4)
        }
    }

    static let leftovers = ConformanceCheck("Every process of a run is dead before its result is there") {
        it in
        try await it.withSandbox { sandbox in
            let line = "(\(ticking(it))) & exit 0"
            it.expect(try await sandbox.run(it.shell(line), limits: ConformanceContext.patient), exited: 0)
            try await checkNothingTicks(sandbox, it)
        }
    }

    /// A loop of shell that shows each second that it lives.
    private static func ticking(_ it: ConformanceContext) -> String {
        "while :; do echo tick >> ticks; \(it.tools.sleep) 1; done"
    }

    /// No process of the run is left: the sandbox's file does not grow. How often it ticked before does not matter.
    private static func checkNothingTicks(_ sandbox: any SandboxLease, _ it: ConformanceContext) async throws
    {
        let before = try await ticks(sandbox)
        try await Task.sleep(for: .milliseconds(2500))
        let after = try await ticks(sandbox)
        it.check(after == before, "a process of the run lives: \(before) bytes became \(after)")
    }

    /// The bytes of the file, 0 where it is missing or the sandbox closed.
    private static func ticks(_ sandbox: any SandboxLease) async throws(SandboxError) -> Int {
        do {
            return try await sandbox.read("ticks", maxBytes: 1 << 20).count
        } catch  where error.code == .fileNotFound || error.code == .sandboxClosed {
            return 0
        }
    }

    /// After an interrupted run its sandbox works again or is closed; any other state is a failure.
    private static func checkAfterwards(_ sandbox: any SandboxLease, _ it: ConformanceContext) async {
        do {
            it.expect(
                try await sandbox.run(it.shell("exit 5"), limits: ConformanceContext.patient), exited: 5)
        } catch {
            it.check(error.code == .sandboxClosed, "after a run that was cut off: \(error)")
        }
    }

    static let cancel = ConformanceCheck("A cancelled run ends at once, with all its processes") { it in
        try await it.withSandbox { sandbox in
            let command = it.shell("(\(ticking(it))) & \(it.tools.sleep) 100")
            let task = Task { try await sandbox.run(command, limits: ConformanceContext.patient) }
            try await Task.sleep(for: .milliseconds(200))
            let start = ContinuousClock.now
            task.cancel()
            await it.expectError(.cancelled) { try await task.value }
            it.check(ContinuousClock.now - start < ConformanceContext.soon, "it was not ended")
            try await checkNothingTicks(sandbox, it)
            await checkAfterwards(sandbox, it)
        }
    }

    static let cancelBefore = ConformanceCheck("A task that was cancelled before its run runs nothing") {
        it in
        try await it.withSandbox { sandbox in
            let task = Task {
                while !Task.isCancelled { await Task.yield() }
                return try await sandbox.run(it.shell("echo made > made"), limits: ConformanceContext.patient)
            }
            task.cancel()
            await it.expectError(.cancelled) { try await task.value }
            await it.expectError(.fileNotFound, .sandboxClosed) {
                try await sandbox.read("made", maxBytes: 9)
            }
            await checkAfterwards(sandbox, it)
        }
    }

    static let cancelStreaming = ConformanceCheck(
        "A cancelled run that waits for its stdin ends, a streaming one, too"
    ) { it in
        try await it.withSandbox { sandbox in
            let (chunks, continuation) = AsyncStream<[UInt8]>.makeStream()
            let task = Task {
                try await sandbox.run(
                    Command(it.tools.cat), stdin: .stream(chunks), limits: ConformanceContext.patient
                ) { execution in
                    for await _ in execution.output {}
                }.result
            }
            try await Task.sleep(for: .milliseconds(200))
            task.cancel()
            await it.expectError(.cancelled) { try await task.value }
            continuation.finish()
            await checkAfterwards(sandbox, it)
        }
    }

    static let closed = ConformanceCheck("A closed sandbox says so, and may be closed again") { it in
        let sandbox = try await it.backend.acquire(it.options)
        it.expect(try await sandbox.run(it.shell("exit 1"), limits: ConformanceContext.patient), exited: 1)
        await sandbox.close()
        await sandbox.close()
        await it.expectError(.sandboxClosed) { try await sandbox.run(it.shell("exit 0")) }
        await it.expectError(.sandboxClosed) { try await sandbox.run(it.shell("exit 0")) { _ in }.result }
        await it.expectError(.sandboxClosed) { try await sandbox.write("x", to: "x") }
        await it.expectError(.sandboxClosed) { try await sandbox.read("x", maxBytes: 1) }
    }

    static let closing = ConformanceCheck("Closing a sandbox ends its run") { it in
        let sandbox = try await it.backend.acquire(it.options)
        let task = Task {
            try await sandbox.run(it.shell("\(it.tools.sleep) 100"), limits: ConformanceContext.patient)
        }
        try await Task.sleep(for: .milliseconds(200))
        let start = ContinuousClock.now
        await sandbox.close()
        await it.expectError(.sandboxClosed) { try await task.value }
        it.check(ContinuousClock.now - start < ConformanceContext.soon, "it was not ended")
    }

    static let closingInBody = ConformanceCheck("Closing a sandbox inside the body ends the run") { it in
        let sandbox = try await it.backend.acquire(it.options)
        await it.expectError(.sandboxClosed) {
            try await sandbox.run(
                it.shell("echo ready; \(it.tools.sleep) 100"), limits: ConformanceContext.patient
            ) { execution in
                for await _ in execution.output { await sandbox.close() }
            }.result
        }
    }

    static let statistics = ConformanceCheck("Statistics count who has a sandbox") { it in
        let before = it.backend.statistics
        let first = try await it.backend.acquire(it.options)
        let second = try await it.backend.acquire(it.options)
        let meanwhile = it.backend.statistics
        it.check(meanwhile.inUse == 2, "\(meanwhile.inUse) in use with two callers")
        it.check(
            meanwhile.acquired == before.acquired + 2,
            "acquired \(meanwhile.acquired) after \(before.acquired)")
        it.check(
            it.backend.poolDetails.statistics.acquired == meanwhile.acquired, "the details say otherwise")
        await first.close()
        await second.close()
        let after = it.backend.statistics
        it.check(after.inUse == 0, "\(after.inUse) in use with no caller")
        it.check(after.acquired == meanwhile.acquired, "acquired \(after.acquired)")
    }

    static let shutdown = ConformanceCheck("A backend that was shut down has ended everything") { it in
        let sandbox = try await it.backend.acquire(it.options)
        let task = Task {
            try await sandbox.run(it.shell("\(it.tools.sleep) 100"), limits: ConformanceContext.patient)
        }
        try await Task.sleep(for: .milliseconds(200))
        let start = ContinuousClock.now
        await it.backend.shutdown()
        await it.expectError(.shutDown, .sandboxClosed) { try await task.value }
        it.check(ContinuousClock.now - start < ConformanceContext.soon, "it was not ended")
        await it.expectError(.shutDown) { try await it.backend.acquire(it.options) }
        await it.expectError(.shutDown, .sandboxClosed) { try await sandbox.run(it.shell("exit 0")) }
        await sandbox.close()
        await it.backend.shutdown()
    }
}
