/// Checks of limits: refused when out of range, and enforced as the capabilities promise.
///
/// The limits on the stack and on open descriptors are not checked: a shell cannot use them up.

import SandboxAPI

enum LimitChecks {
    static let all = [invalid, wallTime, cpuTime, memory, processes, disk, fileSize, usage]

    static let invalid = ConformanceCheck("Limits out of range are refused") { it in
        var all = [
            Limits(wallTime: .zero), Limits(wallTime: .seconds(86_401)), Limits(cpuTime: .seconds(-1)),
        ]
        for field in [\Limits.memory, \.processes, \.output, \.fileSize, \.disk, \.openFiles, \.stack] {
            for value in [-1, Int.max] {
                var limits = Limits.standard
                limits[keyPath: field] = value
                all.append(limits)
            }
        }
        try await it.withSandbox { sandbox in
            for limits in all {
                await it.expectError(.invalidLimit) {
                    try await sandbox.run(it.shell("exit 0"), limits: limits)
                }
            }
            it.expect(
                try await sandbox.run(it.shell("exit 1"), limits: ConformanceContext.patient), exited: 1)
        }
    }

    /// Runs a line that meets the given limit.
    private static func meets(
        _ limit: LimitKind, _ line: String, _ it: ConformanceContext, _ change: (inout Limits) -> Void
    ) async throws {
        var limits = ConformanceContext.patient
        change(&limits)
        let result = try await it.run(line, limits: limits)
        it.expect(result, .limitExceeded(limit))
    }

    static let wallTime = ConformanceCheck(
        "A program that waits meets the wall time limit", if: enforces(.wallTime)
    ) { it in
        let limit = Duration.milliseconds(400)
        let start = ContinuousClock.now
        let result = try await it.run(
            "echo before; \(it.tools.sleep) 100", limits: Limits(wallTime: limit, cpuTime: .seconds(60)))
        it.expect(result, .limitExceeded(.wallTime), stdout: "before\n")
        it.check(result.usage.wallTime >= limit, "it was ended after \(result.usage.wallTime)")
        it.check(ContinuousClock.now - start < ConformanceContext.soon, "it was not ended")
    }

    static let cpuTime = ConformanceCheck("A busy program meets the CPU time limit", if: enforces(.cpuTime)) {
        it in
        try await meets(.cpuTime, "while :; do :; done", it) { $0.cpuTime = .milliseconds(300) }
    }

    static let memory = ConformanceCheck("A program that grows meets the memory limit", if: enforces(.memory))
    { it in
        let memory = max(48 << 20, it.capabilities.minimumMemory)
        try await meets(.memory, "x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done", it) { $0.memory = memory }
    }

    static let processes = ConformanceCheck(
        "A program that multiplies meets the processes limit", if: enforces(.processes)
    ) { it in
        let line = "i=0; while test $i -lt 40; do \(it.tools.sleep) 20 & i=$((i + 1)); done; wait"
        try await meets(.processes, line, it) { $0.processes = 6 }
    }

    static let disk = ConformanceCheck(
        "A program that fills the disk meets the disk limit", if: enforces(.disk)
    ) { it in
        try await meets(.disk, "exec \(it.tools.cat) /dev/zero > large", it) {
            $0.disk = 4 << 20
            $0.fileSize = 1 << 30
        }
    }

    static let fileSize = ConformanceCheck("A large file meets the file size limit", if: enforces(.fileSize))
    { it in
        try await meets(.fileSize, "exec \(it.tools.cat) /dev/zero > large", it) { $0.fileSize = 64 << 10 }
    }

    static let usage = ConformanceCheck("Usage is what a run used") { it in
        let result = try await it.run(
            "i=0; while test $i -lt 20000; do i=$((i + 1)); done; \(it.tools.sleep) 0.2")
        it.expect(result, exited: 0)
        let usage = result.usage
        it.check(
            usage.wallTime >= .milliseconds(200), "wall time \(usage.wallTime) of a run that slept for 200 ms"
        )
        it.check(usage.cpuTime > .zero && usage.cpuTime < .seconds(60), "CPU time \(usage.cpuTime)")
        it.check(usage.peakProcesses >= 1, "\(usage.peakProcesses) processes")
        it.check(usage.peakMemory >= 0 && usage.memoryResolution >= 0, "memory \(usage)")
        for source in [usage.cpuSource, usage.memorySource, usage.residentSource, usage.processesSource] {
            it.check(!source.rawValue.isEmpty, "a figure without a source")
        }
    }
}
