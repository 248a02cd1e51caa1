// Figures and clocks, on an otherwise quiet machine: these tests run one at a time.
import Foundation
import Sandbox
import Testing

@Suite("Usage and timing", .exclusive, .serialized, .timeLimit(.patient))
struct UsageTests {
    static func magnitude(_ duration: Duration) -> Duration { duration < .zero ? .zero - duration : duration }

    @Test("A program that does nothing uses next to nothing", arguments: await ConformanceSubject.all)
    func nothing(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let command = try await sandbox.install("nothing")
            for _ in 0..<10 {
                let result = try await sandbox.run(command)
                expect(result, .exited(code: 0))
                let usage = result.usage
                #expect(
                    usage.peakMemory <= max(512 << 10, subject.capabilities.memoryResolution),
                    "\(result.summary)")
                #expect(usage.cpuTime > .zero && usage.cpuTime < .milliseconds(50), "\(result.summary)")
                #expect(usage.wallTime > .zero && usage.wallTime < .milliseconds(200), "\(result.summary)")
                #expect(usage.peakProcesses == 1, "\(result.summary)")
                #expect(usage.peakMemory >= 0 && usage.residentPeak >= 0, "\(result.summary)")
            }
        }
    }

    @Test("CPU time of a program that burns 300 ms", arguments: await ConformanceSubject.all)
    func burning(subject: ConformanceSubject) async throws {
        let result = try await subject.run("burn_for", ["300"])
        expect(result, .exited(code: 0))
        let usage = result.usage
        #expect(usage.cpuTime >= .milliseconds(295), "\(result.summary)")
        #expect(
            usage.cpuTime <= .milliseconds(310) + subject.busy(\.cpuTimeTolerance), "\(result.summary)")
        #expect(usage.wallTime >= .milliseconds(300), "\(result.summary)")
        let rest = Self.magnitude(usage.cpuTime - usage.userTime - usage.systemTime)
        #expect(rest <= .milliseconds(1), "user and system are not the sum: \(rest)")
    }

    @Test("Sleeping takes wall time and no CPU time", arguments: await ConformanceSubject.all)
    func sleeping(subject: ConformanceSubject) async throws {
        let result = try await subject.run("sleep_for", ["300"])
        expect(result, .exited(code: 0))
        #expect(result.usage.cpuTime < .milliseconds(20), "\(result.summary)")
        #expect(result.usage.wallTime >= .milliseconds(300), "\(result.summary)")
        #expect(
            result.usage.wallTime <= .milliseconds(320) + subject.busy(\.wallTimeTolerance),
            "\(result.summary)")
    }

    @Test("32 MiB of memory are 32 MiB", arguments: await ConformanceSubject.all)
    func memory(subject: ConformanceSubject) async throws {
        let result = try await subject.run("touch_malloc", ["32", "150"])
        expect(result, .exited(code: 0))
        let usage = result.usage
        let slack = subject.capabilities.memoryResolution + (1 << 20)
        let floor = (32 << 20) - subject.capabilities.memoryResolution
        #expect((floor...(32 << 20) + slack).contains(usage.peakMemory), "\(result.summary)")
        #expect(((32 << 20)...(32 << 20) + slack).contains(usage.residentPeak), "\(result.summary)")
    }

    @Test(
        "Memory of several processes adds up; shared memory counts once",
        arguments: await ConformanceSubject.all)
    func memoryOfMany(subject: ConformanceSubject) async throws {
        let result = try await subject.run("many_small", ["4", "8"])
        expect(result, .exited(code: 0))
        let slack = subject.capabilities.memoryResolution + (2 << 20)
        #expect(
            ((32 << 20) - slack...(32 << 20) + slack).contains(result.usage.peakMemory), "\(result.summary)")
        let shared = try await subject.run("touch_mmap", ["32"])
        #expect(
            ((32 << 20) - slack...(32 << 20) + slack).contains(shared.usage.peakMemory), "\(shared.summary)")
    }

    @Test(
        "The most processes at one time", arguments: await ConformanceSubject.all,
        ["hold_processes", "hold_threads"])
    func processes(subject: ConformanceSubject, program: String) async throws {
        let result = try await subject.run(program, ["4", "150"])
        expect(result, .exited(code: 0))
        #expect(result.usage.peakProcesses == 5, "\(result.summary)")
    }

    @Test("Memory figures repeat, within the stated resolution", arguments: await ConformanceSubject.all)
    func repeatedMemory(subject: ConformanceSubject) async throws {
        for (program, arguments, least) in [("nothing", [], 0), ("touch_mmap", ["50"], 50 << 20)] {
            var peaks: [Int] = []
            for _ in 1...5 {
                let result = try await subject.run(program, arguments)
                expect(result, .exited(code: 0))
                let usage = result.usage
                #expect(usage.residentPeak > 0 && usage.memoryResolution > 0, "\(result.summary)")
                #expect(usage.residentPeak >= least - usage.memoryResolution, "\(result.summary)")
                #expect(usage.residentPeak <= least + (2 << 20), "\(result.summary)")
                #expect(usage.peakMemory >= usage.residentPeak, "\(result.summary)")
                peaks.append(usage.residentPeak)
            }
            #expect(peaks.max()! - peaks.min()! <= 1 << 20, "\(program): \(peaks)")
        }
    }

    @Test(
        "A run ends by wall time when it should", arguments: await ConformanceSubject.all,
        ["sleep_forever", "stop_group"])
    func wallTime(subject: ConformanceSubject, program: String) async throws {
        let limit = Duration.milliseconds(400)
        let result = try await subject.run(program, limits: Limits(wallTime: limit))
        expect(result, .limitExceeded(.wallTime))
        #expect(result.usage.wallTime >= limit, "\(result.summary)")
        #expect(
            result.usage.wallTime <= limit + subject.busy(\.wallTimeTolerance), "\(result.summary)")
    }

    @Test(
        "A run ends by CPU time when it should", arguments: await ConformanceSubject.all,
        ["busy_loop", "busy_children", "busy_threads", "short_children"])
    func cpuTime(subject: ConformanceSubject, program: String) async throws {
        let limit = Duration.milliseconds(300)
        let result = try await subject.run(program, limits: Limits(cpuTime: limit))
        expect(result, .limitExceeded(.cpuTime))
        #expect(result.usage.cpuTime >= limit, "\(result.summary)")
        #expect(result.usage.cpuTime <= limit + subject.busy(\.cpuTimeTolerance), "\(result.summary)")
    }

    @Test(
        "A left child does not delay the result", arguments: await ConformanceSubject.all,
        ["leave_child", "daemon"])
    func leftBehind(subject: ConformanceSubject, program: String) async throws {
        let start = ContinuousClock.now
        let result = try await subject.run(program)
        expect(result, .exited(code: 0))
        #expect(ContinuousClock.now - start < .milliseconds(500), "\(result.summary)")
        #expect(result.usage.wallTime < .milliseconds(200), "\(result.summary)")
    }
}
