// What ended the run, exactly: statuses, signals, and the end of the program rather than of its streams.
import Foundation
import Sandbox
import Testing

@Suite("Outcomes", .shared, .timeLimit(.patient))
struct OutcomeTests {
    @Test(
        "The status is the program's own", arguments: await ConformanceSubject.all,
        [0, 1, 42, 127, 255] as [Int32])
    func status(subject: ConformanceSubject, code: Int32) async throws {
        let result = try await subject.run("exit_code", ["\(code)"])
        expect(result, .exited(code: code))
        #expect(result.outcome.isSuccess == (code == 0))
        #expect(result.stdout.isEmpty && result.stderr.isEmpty, "\(result.summary)")
    }

    @Test("A program that does nothing", arguments: await ConformanceSubject.all)
    func nothing(subject: ConformanceSubject) async throws {
        expect(try await subject.run("nothing"), .exited(code: 0))
    }

    @Test(
        "A signal the program sent itself", arguments: await ConformanceSubject.all,
        [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGALRM, SIGSEGV, SIGKILL, 40])
    func ownSignal(subject: ConformanceSubject, signal: Int32) async throws {
        expect(try await subject.run("raise_signal", ["\(signal)"]), .signaled(signal: signal))
    }

    @Test("A null dereference", arguments: await ConformanceSubject.all)
    func nullDereference(subject: ConformanceSubject) async throws {
        expect(try await subject.run("null_dereference"), .signaled(signal: SIGSEGV))
    }

    @Test(
        "abort, with what was written before it, and without a core", arguments: await ConformanceSubject.all)
    func abort(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let result = try await sandbox.run(program: "aborts")
            expect(result, .signaled(signal: SIGABRT))
            #expect(result.stderrText == "about to abort\n", "\(result.summary)")
            let names = try await sandbox.run(program: "list_directory", ["/work", "/tmp"])
            #expect(names.lines == ["victim"], "\(names.summary)")
        }
    }

    @Test("A division by zero", arguments: await ConformanceSubject.all)
    func divisionByZero(subject: ConformanceSubject) async throws {
        expect(try await subject.run("divide_by_zero"), .signaled(signal: SIGFPE))
    }

    @Test("A kill by its own child", arguments: await ConformanceSubject.all)
    func killedByChild(subject: ConformanceSubject) async throws {
        expect(try await subject.run("child_kills_parent"), .signaled(signal: SIGKILL))
    }

    @Test(
        "A child's signal is not the program's", arguments: await ConformanceSubject.all,
        [SIGKILL, SIGSEGV, SIGXCPU, SIGXFSZ, SIGSYS])
    func childSignal(subject: ConformanceSubject, signal: Int32) async throws {
        expect(try await subject.run("child_dies", ["\(signal)", "0"]), .exited(code: 0))
        expect(try await subject.run("child_dies", ["\(signal)", "1"]), .exited(code: 1))
    }

    @Test("A program without descriptors is still waited for", arguments: await ConformanceSubject.all)
    func closesEverything(subject: ConformanceSubject) async throws {
        expect(try await subject.run("close_everything"), .exited(code: 5))
    }

    @Test("The end of stdout is not the end of the program", arguments: await ConformanceSubject.all)
    func closesStdout(subject: ConformanceSubject) async throws {
        let result = try await subject.run("close_stdout")
        expect(result, .exited(code: 3))
        #expect(result.stdoutText == "before" && result.stderrText == "after", "\(result.summary)")
    }

    @Test("The main thread may leave first", arguments: await ConformanceSubject.all)
    func mainThreadLeaves(subject: ConformanceSubject) async throws {
        expect(try await subject.run("main_thread_leaves"), .exited(code: 6))
    }

    @Test(
        "A program without terminal that fails at once loses nothing", arguments: await ConformanceSubject.all
    )
    func fastFailures(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let command = try await sandbox.install("both_streams", ["1"])
            for _ in 0..<30 {
                let result = try await sandbox.run(command)
                expect(result, .exited(code: 1))
                #expect(
                    result.stdoutText == "to stdout\n" && result.stderrText == "to stderr\n",
                    "\(result.summary)")
            }
        }
    }

    @Test("The result has its provenance, limits and layers", arguments: await ConformanceSubject.all)
    func provenance(subject: ConformanceSubject) async throws {
        let limits = Limits(wallTime: .seconds(7), memory: 77 << 20, processes: 17, output: 12345)
        try await subject.withSandbox { sandbox in
            let result = try await sandbox.run(program: "nothing", limits: limits)
            #expect(result.limits == limits.forThisProcessor)
            #expect(result.provenance == sandbox.provenance)
            let provenance = result.provenance
            #expect(provenance.kind == subject.capabilities.kind)
            #expect(provenance.image == subject.image.description)
            #expect(provenance.library == libraryVersion)
            #expect(provenance.hostPID == getpid())
            #expect(provenance.attempt == 1)
            #expect(provenance.fallbackReason == nil)
            #expect(!provenance.requested.isEmpty)
            #expect(!provenance.instance.isEmpty)
            #expect(!provenance.sandbox.isEmpty)
        }
    }

    @Test("The isolation report is what the capabilities promise", arguments: await ConformanceSubject.all)
    func isolationReport(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            let result = try await sandbox.run(program: "nothing")
            let report = result.isolation
            #expect(report == sandbox.isolation)
            // In a writable root an ordinary user's program must own its files, so it runs as that user.
            let given: Set<IsolationLayer> =
                subject.rootfs == .writable && getuid() != 0 ? [.distinctUser] : []
            #expect(Set(report.layers) == subject.capabilities.layers.subtracting(given))
            #expect(report.layers.count == Set(report.layers).count)
            #expect(Set(report.layers).isDisjoint(with: report.missing))
            #expect(report.level == subject.capabilities.level)
            #expect(report.level >= .standard)
            if report.level == .strong { #expect(report.cgroup != .none) }
        }
    }

    @Test("Errors have a provenance, too", arguments: await ConformanceSubject.all)
    func errorProvenance(subject: ConformanceSubject) async throws {
        try await subject.withSandbox { sandbox in
            func check(_ body: () async throws -> Void) async {
                do {
                    try await body()
                    Issue.record("no error")
                } catch let error as SandboxError {
                    #expect(error.provenance == sandbox.provenance, "\(error)")
                    #expect(!error.message.isEmpty)
                } catch {
                    Issue.record(error)
                }
            }
            await check { _ = try await sandbox.run(Command("./missing")) }
            await check { _ = try await sandbox.read("missing", maxBytes: 1) }
            await check { try await sandbox.write([], to: "../x") }
            await check { _ = try await sandbox.run(Command("/bin/true"), limits: Limits(memory: 0)) }
        }
    }
}
