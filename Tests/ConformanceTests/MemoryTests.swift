// Memory of every kind against one limit, and what does not count against it.
import Foundation
import Sandbox
import Testing

@Suite("Memory", .shared, .timeLimit(.patient))
struct MemoryTests {
    static let limits = Limits(memory: 32 << 20)

    struct Eater: Sendable, CustomTestStringConvertible {
        let program: String
        let arguments: [String]
        var testDescription: String { "\(program) \(arguments.joined(separator: " "))" }

        init(_ program: String, _ arguments: String...) {
            self.program = program
            self.arguments = arguments
        }
    }

    @Test(
        "Beyond the limit, in each kind of memory", arguments: await ConformanceSubject.all,
        [
            Eater("touch_malloc", "64"), Eater("touch_mmap", "64"), Eater("fill_memfd", "64"),
            Eater("fill_directory", "/dev/shm", "1"), Eater("fill_directory", "/tmp", "1"),
            Eater("fill_directory", "/work", "1"), Eater("many_small", "16", "4"), Eater("child_eats"),
            Eater("shield_from_oom"), Eater("use_stack", "49152"), Eater("page_tables"),
        ])
    func beyond(subject: ConformanceSubject, eater: Eater) async throws {
        let result = try await subject.run(eater.program, eater.arguments, limits: Self.limits)
        guard !subject.isSampled || !eater.program.hasPrefix("fill_") else {
            // Unmapped memory is not sampled: files meet the disk limit, memory files meet none.
            let isFile = eater.program == "fill_directory"
            return expect(result, isFile ? .limitExceeded(.disk) : .exited(code: 0))
        }
        expect(result, .limitExceeded(.memory))
        #expect(result.stderr.isEmpty, "\(result.summary)")
        // How much a program fills between two samples depends on when the slot gets a processor, so a sampled
        // peak has no upper bound that holds on a busy machine.
        let most = subject.isSampled ? Int.max : Self.limits.memory + subject.capabilities.memoryResolution
        #expect(result.usage.peakMemory <= most, "\(result.summary)")
        if subject.isSampled {
            #expect(result.usage.peakMemory > Self.limits.memory, "\(result.summary)")
        }
    }

    @Test(
        "Within the limit", arguments: await ConformanceSubject.all,
        [Eater("touch_malloc", "24"), Eater("touch_mmap", "24"), Eater("many_small", "6", "3")])
    func within(subject: ConformanceSubject, eater: Eater) async throws {
        expect(
            try await subject.run(eater.program, eater.arguments, limits: Self.limits), .exited(code: 0))
    }

    @Test("Full pipes are memory, too", arguments: await ConformanceSubject.all)
    func pipes(subject: ConformanceSubject) async throws {
        guard !subject.isSampled else { return }
        let limits = Limits(memory: max(8 << 20, subject.smallMemory))
        expect(try await subject.run("fill_pipes", limits: limits), .limitExceeded(.memory))
    }

    @Test(
        "The smallest limit is enough for a small program, and no more",
        arguments: await ConformanceSubject.all)
    func smallest(subject: ConformanceSubject) async throws {
        let limits = Limits(memory: subject.smallMemory)
        expect(try await subject.run("nothing", limits: limits), .exited(code: 0))
        expect(try await subject.run("both_streams", limits: limits), .exited(code: 0))
        let more = "\((subject.smallMemory >> 20) * 2)"
        expect(try await subject.run("touch_malloc", [more], limits: limits), .limitExceeded(.memory))
    }

    @Test("Less than the smallest limit is refused", arguments: await ConformanceSubject.all)
    func tooSmall(subject: ConformanceSubject) async throws {
        await expectError(.invalidLimit) {
            try await subject.run(
                "nothing", limits: Limits(memory: subject.capabilities.minimumMemory - 1))
        }
    }

    @Test("Reading files ends nothing and is not resident", arguments: await ConformanceSubject.all)
    func pageCache(subject: ConformanceSubject) async throws {
        let result = try await subject.run(
            "read_files", ["64"], limits: Limits(memory: max(16 << 20, subject.smallMemory)))
        expect(result, .exited(code: 0))
        #expect(result.stdoutText == "64\n", "\(result.summary)")
        #expect(result.usage.residentPeak < 4 << 20, "\(result.summary)")
    }

    @Test("After a run out of memory the sandbox still works", arguments: await ConformanceSubject.all)
    func sandboxSurvives(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            for _ in 0..<3 {
                expect(
                    try await sandbox.run(program: "touch_malloc", ["64"], limits: Self.limits),
                    .limitExceeded(.memory))
                expect(try await sandbox.run(program: "nothing", limits: Self.limits), .exited(code: 0))
            }
        }
    }
}
