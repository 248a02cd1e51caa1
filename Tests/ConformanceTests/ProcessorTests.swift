// The limit `cpus`: how much CPU time a run gets at a time, and that a program cannot take more.
import Foundation
import Sandbox
import Testing

@Suite("Processors", .serialized, .shared, .timeLimit(.patient))
struct ProcessorTests {
    /// How much an engine's rate can be exceeded at the ends of a run: it counts in periods of 100 ms.
    private static let slack = Duration.milliseconds(120)

    /// A loaded machine only makes the real time longer.
    private func expectRate(_ rate: Double, _ result: RunResult) {
        expect(result, .limitExceeded(.cpuTime), denied: result.deniedSyscalls)
        #expect(result.usage.cpuTime <= result.usage.wallTime * rate + Self.slack, "\(result.summary)")
    }

    private func limits(_ cpus: Double?) -> Limits {
        Limits(wallTime: .seconds(120), cpuTime: .seconds(1), cpus: cpus)
    }

    @Test(
        "Threads and children together get no more than one processor",
        arguments: await ConformanceSubject.all,
        ["busy_threads", "busy_children"])
    func oneProcessor(subject: ConformanceSubject, program: String) async throws {
        let result = try await subject.run(program, limits: limits(1))
        expectRate(1, result)
        #expect(result.limits.cpus == 1)
        #expect(result.isolation.holes.allSatisfy { !$0.contains("processors") }, "\(result.isolation.holes)")
    }

    @Test(
        "Half a processor, or a whole one that is reported as a hole", arguments: await ConformanceSubject.all
    )
    func halfAProcessor(subject: ConformanceSubject) async throws {
        let result = try await subject.run("busy_threads", limits: limits(0.5))
        let isRounded = result.isolation.holes.contains {
            $0.hasPrefix("0.5 processors were asked for and 1 given")
        }
        #expect(isRounded == (subject.capabilities.kind == .local), "\(result.isolation.holes)")
        expectRate(isRounded ? 1 : 0.5, result)
    }

    @Test("A program cannot widen what it was given", arguments: await ConformanceSubject.all)
    func widening(subject: ConformanceSubject) async throws {
        let result = try await subject.run("widen_processors", ["burn"], limits: limits(1))
        expectRate(1, result)
        guard subject.capabilities.kind == .local else { return }
        #expect(result.lines == ["1", "EPERM", "1"], "\(result.summary)")
        #expect(result.deniedSyscalls == ["sched_setaffinity"], "\(result.summary)")
    }

    @Test(
        "Without the limit a program has all processors, and chooses among them",
        arguments: await ConformanceSubject.all)
    func noLimit(subject: ConformanceSubject) async throws {
        let result = try await subject.run("widen_processors")
        expect(result, .exited(code: 0))
        let lines = result.lines
        #expect(lines.count == 3 && lines[0] == lines[2] && lines[1] == "ok", "\(result.summary)")
        #expect(Int(lines[0]).map { $0 >= 1 } == true && result.limits.cpus == nil, "\(result.summary)")
        // A limit holds for its run only: the next one in the same sandbox has none.
        try await subject.withSandbox { sandbox in
            let bounded = try await sandbox.run(program: "widen_processors", limits: Limits(cpus: 1))
            #expect(bounded.outcome == .exited(code: 0), "\(bounded.summary)")
            let free = try await sandbox.run(Command("./victim"))
            expect(free, .exited(code: 0))
            #expect(free.lines == lines, "\(free.summary)")
        }
    }

    @Test("A run is bound to the processors that were named", arguments: await ConformanceSubject.all)
    func pinned(subject: ConformanceSubject) async throws {
        let free = try await subject.run("widen_processors", ["hold"])
        let all = try #require(free.lines.last).split(separator: " ").compactMap { Int($0) }
        for set in Set([Set(all.prefix(1)), Set(all.suffix(1)), Set(all)]) {
            let result = try await subject.run("widen_processors", ["hold"], limits: Limits(cpuSet: set))
            expect(result, .exited(code: 0), denied: ["sched_setaffinity"])
            let own = set.sorted().map { "\($0) " }.joined()
            #expect(result.lines == ["\(set.count)", "EPERM", "\(set.count)", own], "\(result.summary)")
            #expect(result.limits.cpuSet == set)
        }
        do {
            let result = try await subject.run("nothing", limits: Limits(cpuSet: [all[0], 1023]))
            Issue.record("ran with a processor that is not there: \(result.summary)")
        } catch let error as SandboxError {
            #expect(error.code == .invalidLimit && error.message.contains("processor 1023"), "\(error)")
        }
    }

    @Test("More processors than there are is an error", arguments: await ConformanceSubject.all)
    func tooMany(subject: ConformanceSubject) async throws {
        for cpus in [0, 8192, 1e9] {
            await expectError(.invalidLimit, "\(cpus)") {
                try await subject.run("nothing", limits: Limits(cpus: cpus))
            }
        }
    }

    @Test("Two runs at the same time have different processors", arguments: await ConformanceSubject.all)
    func spread(subject: ConformanceSubject) async throws {
        guard subject.capabilities.kind == .local else { return }
        let count = try await subject.run("widen_processors").lines.first.flatMap { Int($0) } ?? 0
        guard count > 1 else { return skip("\(subject.name): there is one processor") }
        let hold = Limits(wallTime: .seconds(120), cpus: 1)
        let (input, feed) = AsyncStream<[UInt8]>.makeStream()
        try await subject.withSandbox { first in
            let command = try await first.install("widen_processors", ["hold"])
            let (result, other) = try await first.run(command, stdin: .stream(input), limits: hold) {
                execution in
                // Output shows that the run has started, and so has its processor.
                var said: [UInt8] = []
                for await chunk in execution.output {
                    said += chunk.bytes
                    if said.count(where: { $0 == UInt8(ascii: "\n") }) == 4 { break }
                }
                let other = try await subject.run("widen_processors", ["hold"], limits: hold)
                feed.finish()
                return (String(decoding: said, as: UTF8.self).split(separator: "\n").map(String.init), other)
            }
            expect(result, .exited(code: 0), denied: ["sched_setaffinity"])
            expect(other.1, .exited(code: 0), denied: ["sched_setaffinity"])
            try #require(other.0.count == 4 && other.1.lines.count == 4, "\(other.0), \(other.1.summary)")
            #expect(other.0[3] != other.1.lines[3], "\(other.0), \(other.1.summary)")
        }
    }
}
