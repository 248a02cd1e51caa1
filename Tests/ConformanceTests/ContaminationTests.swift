// Nothing passes from sandbox to sandbox, and nothing but files from run to run.
import Foundation
import Sandbox
import Testing

@Suite("Contamination", .shared, .timeLimit(.patient))
struct ContaminationTests {
    static func ownFiles(_ name: String) -> Set<String> {
        ["/work/victim", "/work/\(name)", "/tmp/\(name)", "/dev/shm/\(name)"]
    }

    @Test("Eight sandboxes at once see only themselves", arguments: await ConformanceSubject.all)
    func concurrent(subject: ConformanceSubject) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<8 {
                group.addTask {
                    try await subject.withSandbox { sandbox in
                        let result = try await sandbox.run(program: "look_around", ["own-\(index)", "300"])
                        expect(result, .exited(code: 0))
                        #expect(Set(result.lines) == Self.ownFiles("own-\(index)"), "\(result.summary)")
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("Sandboxes one after another start clean", arguments: await ConformanceSubject.all)
    func serial(subject: ConformanceSubject) async throws {
        for index in 0..<12 {
            let result = try await subject.run("look_around", ["own-\(index)", "0"])
            expect(result, .exited(code: 0))
            #expect(Set(result.lines) == Self.ownFiles("own-\(index)"), "\(result.summary)")
        }
    }

    @Test(
        "A neighbour's processes and abstract sockets are out of reach",
        arguments: await ConformanceSubject.all)
    func neighbours(subject: ConformanceSubject) async throws {
        guard subject.has(.pidNamespace, .networkNamespace) else { return }
        try await subject.withSandbox { listener in
            let command = try await listener.install("abstract_socket", ["listen", "conformance", "400"])
            let (result, checked) = try await listener.run(command) { execution in
                var iterator = execution.output.makeAsyncIterator()
                let first = await iterator.next()?.bytes
                #expect(first == Array("listening\n".utf8))
                let connected = try await subject.run("abstract_socket", ["connect", "conformance"])
                #expect(connected.stdoutText == "refused\n", "\(connected.summary)")
                let processes = try await subject.run("processes")
                #expect(subject.seesNobodyElse(processes), "\(processes.summary)")
                return true
            }
            expect(result, .exited(code: 0))
            #expect(checked)
        }
    }

    @Test("Files last from run to run", arguments: await ConformanceSubject.all)
    func filesLast(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let write = Command("/bin/sh", ["-c", "echo a > /work/a; echo b > /tmp/b; echo c > /dev/shm/c"])
            expect(try await sandbox.run(write), .exited(code: 0))
            let result = try await sandbox.run(Command("cat", ["/work/a", "/tmp/b", "/dev/shm/c"]))
            expect(result, .exited(code: 0))
            #expect(result.stdoutText == "a\nb\nc\n", "\(result.summary)")
            #expect(try await sandbox.read("a", maxBytes: 10) == Array("a\n".utf8))
        }
    }

    @Test("A daemon is dead before the next run", arguments: await ConformanceSubject.all)
    func daemon(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            expect(try await sandbox.run(program: "daemon"), .exited(code: 0))
            let processes = try await sandbox.run(program: "processes")
            expect(processes, .exited(code: 0))
            #expect(subject.seesNobodyElse(processes), "\(processes.summary)")
            try await Task.sleep(for: .milliseconds(500))
            await expectError(.fileNotFound) { try await sandbox.read("late", maxBytes: 1) }
        }
    }

    @Test("A limit of one run is not that of the next", arguments: await ConformanceSubject.all)
    func limitsPerRun(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let command = try await sandbox.install("touch_malloc", ["48"])
            for _ in 0..<3 {
                expect(
                    try await sandbox.run(command, limits: Limits(memory: 32 << 20)), .limitExceeded(.memory))
                let wide = try await sandbox.run(command, limits: Limits(memory: 96 << 20))
                expect(wide, .exited(code: 0))
            }
            let small = try await sandbox.run(program: "nothing")
            let floor = max(512 << 10, subject.capabilities.memoryResolution)
            #expect(small.usage.peakMemory <= floor, "\(small.summary)")
            #expect(small.usage.cpuTime < .milliseconds(100), "\(small.summary)")
        }
    }

    @Test("System V and POSIX objects end with their run", arguments: await ConformanceSubject.all)
    func ipc(subject: ConformanceSubject) async throws {
        guard subject.has(.ipcNamespace) else { return }
        try await subject.withSandbox { sandbox in
            let command = try await sandbox.install("leave_ipc")
            for _ in 0..<2 {
                let result = try await sandbox.run(command)
                expect(result, .exited(code: 0))
                #expect(result.stdout.isEmpty, "left over: \(result.summary)")
            }
        }
        let other = try await subject.run("leave_ipc")
        expect(other, .exited(code: 0))
        #expect(other.stdout.isEmpty, "left over: \(other.summary)")
    }

    @Test("After each kind of violent end the next run is unharmed", arguments: await ConformanceSubject.all)
    func violentEnds(subject: ConformanceSubject) async throws {
        let limits = Limits(wallTime: .milliseconds(300), memory: 32 << 20, processes: 16, output: 1000)
        let programs = [
            "fork_bomb", "thread_bomb", "stop_group", "flood", "child_eats", "leave_child", "kill_all",
            "recurse",
        ]
        try await subject.withSandbox { sandbox in
            for program in programs {
                let violent = try await sandbox.run(program: program, limits: limits)
                let processes = try await sandbox.run(program: "processes")
                expect(processes, .exited(code: 0))
                #expect(
                    subject.seesNobodyElse(processes),
                    "after \(program) (\(violent.outcome)): \(processes.summary)")
            }
        }
    }
}
