/// Tests that the next user of a container finds nothing of the user before.

#if Docker
import Foundation
import Sandbox
import Testing

@testable import SandboxDocker
import SandboxRuntime

@Suite("Reuse of a container", .timeLimit(.minutes(5)))
struct ReuseTests {
    /// A program that leaves something, and the traces that show while it is there: words at the beginning of
    /// a line.
    struct Leaver: CustomTestStringConvertible, Sendable {
        var program: String
        var traces: [String]
        var limits = Limits(processes: 128)
        var testDescription: String { program }
    }

    static let leavers = [
        Leaver(
            program: "leave_files",
            traces: ["/tmp has deeper", "/work has locked", "/dev/shm has fifo"]),
        Leaver(
            program: "leave_processes", traces: ["a process of ours"], limits: Limits(processes: 128)),
        Leaver(
            program: "leave_held",
            traces: ["/tmp: 2", "/dev/shm: 2", "socket: 00010000 0001 01 @left", "a process of ours"]),
        Leaver(
            program: "leave_objects",
            traces: [
                "/proc/sysvipc/shm: ", "/proc/sysvipc/msg: ", "/proc/sysvipc/sem: ", "/dev/shm has left7",
            ]),
        Leaver(
            program: "leave_settings",
            traces: [
                "SigIgn:\t0000000000000001", "Umask:\t0777", "nice 19", "descriptor 77", "variable LEFT",
            ]),
    ]

    /// What the first user of a new container sees.
    private func fresh(_ backend: DockerBackend) async throws -> RunResult {
        let result = try await backend.run(victim: "look_everywhere")
        #expect(result.outcome == .exited(code: 0), "\(result.told)")
        #expect(result.lines.count > 60, "it saw too little: \(result.told)")
        return result
    }

    private func expectSame(
        _ later: RunResult, _ first: RunResult, _ what: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(later.outcome == .exited(code: 0), "\(later.told)", sourceLocation: sourceLocation)
        #expect(
            later.provenance.sandbox == first.provenance.sandbox,
            "after \(what) the container was not reused, which proves nothing",
            sourceLocation: sourceLocation)
        let (new, gone) = (later.lines.subtracting(first.lines), first.lines.subtracting(later.lines))
        #expect(
            new.isEmpty && gone.isEmpty, "after \(what): new \(new.sorted()), gone \(gone.sorted())",
            sourceLocation: sourceLocation)
    }

    @Test("The next user finds a container as new", arguments: leavers)
    func nothingIsLeft(leaver: Leaver) async throws {
        try await ContainerWorld.withBackend { backend in
            let first = try await fresh(backend)
            for _ in 0..<2 {
                let left = try await backend.run(
                    victim: leaver.program, limits: leaver.limits, blockedSyscalls: .deny)
                #expect(left.outcome == .exited(code: 0), "\(left.told)")
                #expect(left.provenance.sandbox == first.provenance.sandbox)
                expectSame(try await fresh(backend), first, leaver.program)
            }
        }
    }

    /// The negative control of `nothingIsLeft`: during the run the looker sees every trace.
    @Test("A look during the run sees every trace", arguments: leavers)
    func lookerSees(leaver: Leaver) async throws {
        try await ContainerWorld.withBackend { backend in
            let first = try await fresh(backend)
            let options = SandboxOptions(blockedSyscalls: .deny)
            let looker = try await Programs.bytes("look_everywhere")
            try await backend.withSandbox(options) { sandbox in
                // A program that locks `/work` permanently would keep the kernel from starting the looker
                // there.
                try await sandbox.write(looker, to: "looker", executable: true)
                let result = try await sandbox.run(
                    victim: leaver.program, ["/work/looker"], limits: leaver.limits)
                #expect(result.outcome == .exited(code: 0), "\(result.told)")
                let new = result.lines.subtracting(first.lines)
                for trace in leaver.traces {
                    #expect(new.contains { $0.hasPrefix(trace) }, "no '\(trace)' in \(result.told)")
                }
            }
        }
    }

    /// The other negative control: files stay from run to run of one sandbox, and the looker in another run
    /// sees them.
    @Test("Within a sandbox the next run finds the files")
    func filesStayWithinASandbox() async throws {
        try await ContainerWorld.withBackend { backend in
            let first = try await fresh(backend)
            try await backend.withSandbox { sandbox in
                let left = try await sandbox.run(victim: "leave_files")
                #expect(left.outcome == .exited(code: 0), "\(left.told)")
                let found = try await sandbox.run(victim: "look_everywhere")
                for place in ["/work", "/tmp", "/dev/shm"] {
                    #expect(found.lines.contains("\(place) has locked"), "\(found.told)")
                    #expect(found.lines.contains("\(place) has -rf"), "\(found.told)")
                }
            }
            expectSame(try await fresh(backend), first, "the sandbox's end")
        }
    }

    @Test("No program can replace the writable directories themselves")
    func placesStay() async throws {
        try await ContainerWorld.withBackend { backend in
            let first = try await fresh(backend)
            let tried = try await backend.run(victim: "leave_attributes", blockedSyscalls: .deny)
            #expect(tried.outcome == .exited(code: 0) && tried.stdout.isEmpty, "\(tried.told)")
            expectSame(try await fresh(backend), first, "leave_attributes")
        }
    }

    @Test(
        "Of the whole tree a program can write to the wiped places only",
        arguments: ["cpp-runner", "sandbox-test/static"])
    func writablePlaces(image: String) async throws {
        try await ContainerWorld.withBackend(.init { $0.image = image }) { backend in
            let result = try await backend.run(victim: "find_writable", blockedSyscalls: .deny)
            #expect(result.outcome == .exited(code: 0), "\(result.told)")
            let places = ["/work", "/tmp", "/dev/shm"].map { "directory \($0)" }
            // Devices keep nothing; masked files in /proc are /dev/null; a trigger ends with its descriptor.
            let harmless = ["device /dev/", "device /proc/", "file /proc/pressure/"]
            let found = result.lines.filter { line in !harmless.contains { line.hasPrefix($0) } }
            #expect(found == Set(places), "\(result.told)")
            let count = Int(result.stderrText.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
            #expect(count > (image == "cpp-runner" ? 5000 : 100), "it saw \(count) files")
        }
    }

    @Test("Figures start at zero for each user of a container")
    func figures() async throws {
        try await ContainerWorld.withBackend { backend in
            let clean = try await backend.run(victim: "nothing")
            let limits = Limits(memory: 32 << 20, processes: 8)
            let eater = try await backend.run(victim: "touch_malloc", ["64"], limits: limits)
            #expect(eater.outcome == .limitExceeded(.memory), "\(eater.told)")
            let forker = try await backend.run(victim: "fork_until_refused", limits: limits)
            #expect(
                forker.limitsHit.contains(.processes) || forker.outcome == .limitExceeded(.processes),
                "\(forker.told)")
            let burner = try await backend.run(victim: "burn_for", ["300"])
            #expect(burner.usage.cpuTime > .milliseconds(150), "\(burner.told)")
            let denied = try await backend.run(
                victim: "call", ["ptrace"], blockedSyscalls: .deny)
            #expect(denied.deniedSyscalls == ["ptrace"], "\(denied.told)")
            let filler = try await backend.run(
                victim: "fill_directory", ["/tmp", "1"], limits: Limits(disk: 1 << 20))
            #expect(
                filler.outcome == .limitExceeded(.disk) || filler.limitsHit.contains(.disk),
                "\(filler.told)")
            let after = try await backend.run(victim: "nothing")
            #expect(after.outcome == .exited(code: 0), "\(after.told)")
            #expect(after.provenance.sandbox == clean.provenance.sandbox, "the container was not reused")
            #expect(after.limitsHit.isEmpty && after.deniedSyscalls.isEmpty, "\(after.told)")
            #expect(after.usage.cpuTime < .milliseconds(100), "\(after.told)")
            #expect(after.usage.peakProcesses == 1, "\(after.told)")
            let resolution = backend.capabilities.memoryResolution
            #expect(after.usage.peakMemory <= resolution, "\(after.told)")
            #expect(after.usage.residentPeak <= resolution, "\(after.told)")
        }
    }

    @Test("A run that is cancelled while its limits are set leaves none of them behind")
    func cancelledLimits() async throws {
        try await ContainerWorld.withBackend { backend in
            for round in 0..<12 {
                try await backend.withSandbox { sandbox in
                    try await sandbox.write(
                        try await Programs.bytes("nothing"), to: "nothing", executable: true)
                    let task = Task {
                        try await sandbox.run(Command("./nothing"), limits: Limits(memory: 1 << 30))
                    }
                    try await Task.sleep(for: .microseconds(300 * round))
                    task.cancel()
                    _ = await task.result
                    let next = try await sandbox.run(Command("./nothing"))
                    #expect(next.outcome == .exited(code: 0), "round \(round): \(next.told)")
                }
            }
        }
    }

    @Test("A container whose limits were changed from outside is given up")
    func changedLimits() async throws {
        try await ContainerWorld.withBackend { backend in
            let before = try await backend.run(victim: "nothing")
            try await ContainerWorld.withClient(backend) { client in
                try await client.containers.update(
                    before.provenance.sandbox, memory: 700 << 20, pids: 300)
            }
            do {
                let result = try await backend.run(victim: "nothing")
                Issue.record("it ran under limits that are not its own: \(result.told)")
            } catch let error as SandboxError {
                #expect(error.code == .containerLost, "\(error)")
            }
            let after = try await backend.run(victim: "nothing")
            #expect(after.provenance.sandbox != before.provenance.sandbox, "\(after.told)")
        }
    }

    /// No other test uses the engine's disk meanwhile, so its use is known without a scan of the tree.
    @Test("What earlier runs wrote to a writable root counts at once")
    func earlierRunsWrote() async throws {
        let change = ContainerWorld.Change { $0.image = "cpp-runner" }
        try await ContainerWorld.withBackend(change) { backend in
            try await backend.withSandbox(SandboxOptions(rootfs: .writable)) { sandbox in
                for run in 1...3 {
                    let line = "head -c 7M /dev/zero >/usr/written-\(run) && sleep 1"
                    let result = try await sandbox.run(
                        Command("/bin/sh", ["-c", line]), limits: Limits(disk: 16 << 20))
                    #expect(
                        result.outcome == (run < 3 ? .exited(code: 0) : .limitExceeded(.disk)),
                        "run \(run): \(result.told)")
                }
            }
        }
    }

    @Test("A user's limits do not apply to the next user")
    func limits() async throws {
        try await ContainerWorld.withBackend { backend in
            let small = Limits(
                memory: 16 << 20, processes: 4, fileSize: 4096, disk: 1 << 20, openFiles: 16)
            let first = try await fresh(backend)
            for limits in [
                small, Limits(memory: 512 << 20, processes: 200, disk: 256 << 20, openFiles: 512),
            ] {
                let result = try await backend.run(
                    victim: "nothing", limits: limits, environment: ["LEFT": "1"])
                #expect(result.outcome == .exited(code: 0), "\(result.told)")
                expectSame(try await fresh(backend), first, "\(limits)")
                let memory = try await backend.run(victim: "touch_malloc", ["192"])
                #expect(memory.outcome == .exited(code: 0), "\(memory.told)")
                let beyond = try await backend.run(victim: "touch_malloc", ["272"])
                #expect(beyond.outcome == .limitExceeded(.memory), "\(beyond.told)")
                #expect(beyond.provenance.sandbox == first.provenance.sandbox)
            }
        }
    }

    @Test("A container that cannot be wiped is destroyed, and the next user gets another")
    func unwipeable() async throws {
        try await ContainerWorld.withBackend { backend in
            let first = try await fresh(backend)
            let container = first.provenance.sandbox
            try await backend.withSandbox { sandbox in
                #expect(sandbox.provenance.sandbox == container)
                // The engine's own root leaves something that no program could: no user in the container may
                // remove it.
                let pid = try await Self.pid(of: container, backend)
                try Data("secret".utf8).write(to: URL(fileURLWithPath: "/proc/\(pid)/root/tmp/root's"))
                let found = try await sandbox.run(victim: "look_everywhere")
                #expect(found.lines.contains("/tmp has root's"), "\(found.told)")
            }
            let next = try await fresh(backend)
            #expect(next.provenance.sandbox != container)
            // The next user has another id, so the results differ in that; the paths are the same.
            func places(_ result: RunResult) -> Set<String> {
                result.lines.filter { $0.hasPrefix("/") && !$0.hasPrefix("/proc") }
            }
            #expect(places(next) == places(first), "\(next.told)")
            #expect(backend.statistics.unfit == 1, "\(backend.statistics)")
            let gone = try await Self.isGone(container, backend)
            #expect(gone, "the container \(container) is still there")
        }
    }

    @Test("A writable container serves one user only")
    func writableIsNeverReused() async throws {
        try await ContainerWorld.withBackend(.init { $0.pool.maximum = 2 }) { backend in
            var seen: Set<String> = []
            for number in 1...4 {
                let result = try await backend.run(victim: "look_everywhere", rootfs: .writable)
                #expect(result.outcome == .exited(code: 0), "\(result.told)")
                seen.insert(result.provenance.sandbox)
                #expect(seen.count == number, "a container was used again")
            }
        }
    }

    static func pid(of container: String, _ backend: DockerBackend) async throws -> Int32 {
        try await ContainerWorld.withClient(backend) { client in
            Int32(try await client.containers.inspect(container).pid)
        }
    }

    static func isGone(_ container: String, _ backend: DockerBackend) async throws -> Bool {
        try await ContainerWorld.withClient(backend) { client in
            try await ContainerWorld.eventually {
                try await !ContainerWorld.containers([:], client).contains(container)
            }
        }
    }
}
#endif
