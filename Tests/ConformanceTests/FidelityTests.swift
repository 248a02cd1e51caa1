// The same program gets the same figures, and the right outcome next to a limit, also beside busy neighbours.
// Errors are taken against what the program itself knows, its own clock and the bytes it touched, so that the
// tests hold on any machine.
import Foundation
import Sandbox
import Testing

@Suite("Fidelity of figures", .shared, .serialized, .timeLimit(.patient))
struct FidelityTests {
    /// How many runs there are next to a limit; `make soak` takes 1,000.
    static let boundaryRuns = Int(ProcessInfo.processInfo.environment["FIDELITY_RUNS"] ?? "") ?? 60

    @Test(
        "CPU time is within 2 ms or 2 % of the program's own clock",
        arguments: await ConformanceSubject.all, [0, 2])
    func processorTime(subject: ConformanceSubject, neighbours: Int) async throws {
        try await withBusyNeighbours(neighbours, subject) {
            for milliseconds in [5, 50, 300] {
                let errors = try await errors(
                    of: "burn_and_tell", milliseconds * 1000, on: subject,
                    atMost: max(2, 0.02 * Double(milliseconds)), butFor: 1
                ) { result in
                    result.usage.cpuTime / .milliseconds(1) - (try #require(Self.ownClock(result)))
                }
                Self.tell("CPU \(milliseconds) ms", "ms", errors, subject, neighbours)
            }
        }
    }

    @Test(
        "The resident peak is within 5 % or 256 KiB of what was touched",
        arguments: await ConformanceSubject.all, [0, 2])
    func residentPeak(subject: ConformanceSubject, neighbours: Int) async throws {
        try await withBusyNeighbours(neighbours, subject) {
            for kibibytes in [512, 4 << 10, 48 << 10] {
                let errors = try await errors(
                    of: "touch_kib", kibibytes, on: subject, atMost: max(256, 0.05 * Double(kibibytes))
                ) { Double($0.usage.residentPeak) / 1024 - Double(kibibytes) }
                Self.tell("\(kibibytes) KiB touched", "KiB", errors, subject, neighbours)
            }
        }
    }

    @Test(
        "A file that the program itself wrote and runs is memory of its run",
        arguments: await ConformanceSubject.all)
    func ownCopy(subject: ConformanceSubject) async throws {
        let result = try await subject.run("run_a_copy")
        expect(result, .exited(code: 0))
        #expect(result.usage.residentPeak >= 2 << 20, "\(result.usage)")
        #expect(result.usage.peakMemory >= 2 << 20, "\(result.usage)")
    }

    /// Runs a program six times; each figure's error has to be at most the bound.
    ///
    /// - Parameter exceptions: so many may be more. Of CPU times one: on a busy virtual machine the program's clock and its
    ///   cgroup do not always count the same interrupts.
    private func errors(
        of program: String, _ argument: Int, on subject: ConformanceSubject, atMost bound: Double,
        butFor exceptions: Int = 0,
        _ error: (RunResult) throws -> Double
    ) async throws -> [Double] {
        var errors: [Double] = []
        for _ in 0..<6 {
            let result = try await subject.run(program, ["\(argument)"])
            expect(result, .exited(code: 0))
            let latest = try error(result)
            errors.append(latest)
        }
        #expect(errors.count { abs($0) > bound } <= exceptions, "\(errors), with at most \(bound)")
        return errors
    }

    /// What `burn_and_tell` says that it used, in milliseconds.
    private static func ownClock(_ result: RunResult) -> Double? {
        Double(result.lines.first ?? "").map { $0 / 1e6 }
    }

    /// `make calibrate` shows these lines.
    private static func tell(
        _ figure: String, _ unit: String, _ errors: [Double], _ subject: ConformanceSubject, _ neighbours: Int
    ) {
        func text(_ value: Double) -> String { String(format: "%.2f", value) }
        let most = errors.map(abs).max() ?? 0
        let spread = (errors.max() ?? 0) - (errors.min() ?? 0)
        print(
            "fidelity: \(subject.name), \(figure), \(neighbours) busy neighbours: "
                + "largest error \(text(most)) \(unit), spread \(text(spread)) \(unit)")
    }

    /// The kernel counts time that a hypervisor gives to other guests as the program's, so the program's own
    /// clock decides what is right, and not the time that it was to use.
    @Test("0.9 and 1.1 of the CPU time limit", arguments: await ConformanceSubject.all)
    func processorBoundary(subject: ConformanceSubject) async throws {
        let limit = 200.0
        try await inPairs(Self.boundaryRuns) { number in
            let wanted = number.isMultiple(of: 2) ? limit * 0.9 : limit * 1.1
            let result = try await subject.run(
                "burn_and_tell", ["\(Int(wanted * 1000))"],
                limits: Limits(wallTime: .seconds(60), cpuTime: .milliseconds(Int(limit))))
            if let own = Self.ownClock(result), own < limit - 4 {
                expect(result, .exited(code: 0))
                #expect(number.isMultiple(of: 2), "\(result.summary)")
            } else {
                expect(result, .limitExceeded(.cpuTime))
            }
        }
    }

    @Test("0.9 and 1.1 of the memory limit", arguments: await ConformanceSubject.all)
    func memoryBoundary(subject: ConformanceSubject) async throws {
        // A sampled limit is no boundary: a program can fill and free more between two samples.
        guard subject.has(.cgroupMemory) else { return }
        let limit = 32 << 20
        try await inPairs(Self.boundaryRuns) { number in
            let isBelow = number.isMultiple(of: 2)
            let result = try await subject.run(
                "touch_kib", ["\((isBelow ? limit * 9 / 10 : limit * 11 / 10) / 1024)"],
                limits: Limits(memory: limit))
            expect(result, isBelow ? .exited(code: 0) : .limitExceeded(.memory))
        }
    }

    /// Runs a body while other sandboxes of the same backend use up processors.
    private func withBusyNeighbours(
        _ count: Int, _ subject: ConformanceSubject, _ body: () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<count {
                group.addTask {
                    do {
                        _ = try await subject.run(
                            "busy_loop", limits: Limits(wallTime: .seconds(600), cpuTime: .seconds(600)))
                    } catch let error as SandboxError where error.code == .cancelled {}
                }
            }
            do {
                try await body()
            } catch {
                group.cancelAll()
                throw error
            }
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    /// Calls a body with each number below `count`, two at a time.
    private func inPairs(_ count: Int, _ body: @escaping @Sendable (Int) async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for first in 0..<2 {
                group.addTask {
                    for number in stride(from: first, to: count, by: 2) { try await body(number) }
                }
            }
            try await group.waitForAll()
        }
    }
}
