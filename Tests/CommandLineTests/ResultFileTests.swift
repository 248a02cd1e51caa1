/// Tests the file of `--json-file` and the lines of `--stats`.

#if CLI
import Foundation
import Sandbox
import Testing

@testable import SandboxCLI

@Suite struct ResultFileTests {
    let folder: ScratchFolder

    init() throws { folder = try ScratchFolder() }

    private func path(_ name: String) -> ByteString { ByteString(folder.path + "/" + name) }

    private func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    }

    private func complaint(_ path: ByteString) -> SandboxError? {
        do throws(SandboxError) {
            _ = try ResultFile(path)
            return nil
        } catch {
            #expect(error.message.contains("--json-file") && error.hint != nil)
            return error
        }
    }

    @Test func replacesTheFileWhole() throws {
        let new = try ResultFile(path("new"))
        #expect(try names() == [] && !new.isWritten)
        try new.write([0x31])
        #expect(try folder.text("new") == "1" && new.isWritten)

        try folder.put("old", "before")
        #expect(link(folder.path + "/old", folder.path + "/other") == 0)
        let old = try ResultFile(path("old"))
        #expect(try folder.text("old") == "before")
        try old.write([0x32])
        // A new file has the name: whoever has the old one open reads it to its end.
        #expect(try folder.text("old") == "2" && folder.text("other") == "before")
        #expect(try names() == ["new", "old", "other"])
    }

    @Test func followsTheCallersLink() throws {
        try folder.put("target", "before")
        #expect(symlink("target", folder.path + "/link") == 0)
        try ResultFile(path("link")).write([0x33])
        #expect(try folder.text("target") == "3")
        var status = stat()
        #expect(lstat(folder.path + "/link", &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
    }

    private func status(_ name: String) throws -> stat {
        var status = stat()
        try #require(stat(folder.path + "/" + name, &status) == 0)
        return status
    }

    @Test func keepsTheRightsOfTheFile() throws {
        try folder.put("old", "before")
        // The second is more than a umask leaves to a new file.
        for mode: mode_t in [0o600, 0o666] {
            #expect(chmod(folder.path + "/old", mode) == 0)
            try ResultFile(path("old")).write([0x31])
            #expect(try status("old").st_mode & 0o7777 == mode)
        }
        // Root of a user namespace need not have these.
        if chown(folder.path + "/old", 1234, 1235) == 0 {
            try ResultFile(path("old")).write([0x32])
            let new = try status("old")
            #expect(new.st_uid == 1234 && new.st_gid == 1235 && new.st_mode & 0o7777 == 0o666)
        }
        #expect(try folder.text("old").count == 1)
    }

    @Test func refusesALinkThatLeadsNowhere() throws {
        #expect(symlink("nowhere", folder.path + "/link") == 0)
        #expect(complaint(path("link"))?.message.contains("leads nowhere") == true)
        #expect(try names() == ["link"])
    }

    /// The file behind a descriptor is written to, and not replaced.
    @Test func writesToADescriptor() throws {
        try folder.put("log", "before\n")
        let before = try status("log").st_ino
        let writing = try #require(FileHandle(forWritingAtPath: folder.path + "/log"))
        _ = try writing.seekToEnd()
        for place in ["/dev/fd/", "/proc/self/fd/"] {
            try ResultFile(ByteString("\(place)\(writing.fileDescriptor)")).write([0x31])
        }
        #expect(try folder.text("log") == "before\n11" && status("log").st_ino == before)
        let reading = try #require(FileHandle(forReadingAtPath: folder.path + "/log"))
        #expect(complaint(ByteString("/dev/fd/\(reading.fileDescriptor)"))?.errno == EBADF)
        #expect(try folder.text("log") == "before\n11")
        try writing.close()
        try reading.close()
    }

    @Test func writesToPipesAndDevices() throws {
        try ResultFile("/dev/null").write([0x31])
        #expect(mkfifo(folder.path + "/pipe", 0o600) == 0)
        let reader = open(folder.path + "/pipe", O_RDONLY | O_NONBLOCK)
        let handle = FileHandle(fileDescriptor: reader, closeOnDealloc: true)
        try ResultFile(path("pipe")).write(Array("x\n".utf8))
        #expect(handle.availableData == Data("x\n".utf8))
    }

    @Test func complainsBeforeItIsWritten() throws {
        #expect(complaint("/no/such/folder/x")?.errno == ENOENT)
        #expect(complaint(root)?.errno == EISDIR)
        #expect(complaint("") != nil && complaint("-") != nil && complaint("a/") != nil)
        try folder.put("file", "")
        #expect(complaint(path("file/x"))?.errno == ENOTDIR)
        #expect(complaint("/proc/self/x") != nil)
        #expect(try names() == ["file"])
    }

    private var root: ByteString { ByteString(folder.path) }
}

@Suite struct RunSummaryTests {
    private func result(_ outcome: Outcome) -> RunResult {
        let usage = Usage(
            wallTime: .milliseconds(1234), cpuTime: .microseconds(12_600), userTime: .milliseconds(9),
            systemTime: .milliseconds(4), cpuSource: .cgroup, peakMemory: 3_355_443, memorySource: .cgroup,
            residentPeak: 1023, residentSource: .sampled, peakProcesses: 2, processesSource: .rusage)
        return RunResult(
            outcome: outcome, limitsHit: [.output], deniedSyscalls: ["socket"], stdout: [], stderr: [],
            stdoutTruncated: false, stderrTruncated: false, usage: usage, limits: .standard,
            isolation: IsolationReport(level: .standard, layers: [], missing: [.landlock], cgroup: .v2),
            provenance: BackendChoice.auto.unanswered(image: "host"))
    }

    @Test func everyFigureHasItsSource() {
        let run = result(.exited(code: 3))
        var provenance = run.provenance
        provenance.attempt = 2
        let lines = RunSummary(
            program: run, compile: result(.exited(code: 0)), isolation: run.isolation, provenance: provenance
        ).lines
        #expect(lines[0] == "compiler: exited with status 0")
        #expect(
            lines[3...] == [
                "program: exited with status 3",
                "program: wall time 1.234 s (clock), CPU time 0.013 s (cgroup): user 0.009 s, system 0.004 s",
                "program: peak memory 3.2 MiB (cgroup), resident 1023 bytes (sampled); "
                    + "peak processes 2 (rusage)",
                "limits hit: output", "denied system calls: socket",
                "isolation: standard, cgroup v2; missing: landlock",
                "backend: local (requested: auto), image host, attempt 2",
            ])
    }

    @Test func outcomes() {
        func first(_ outcome: Outcome) -> String? {
            let run = result(outcome)
            return RunSummary(
                program: run, compile: nil, isolation: run.isolation, provenance: run.provenance
            ).lines.first
        }
        #expect(first(.signaled(signal: 11)) == "program: killed by signal 11 (SIGSEGV)")
        #expect(first(.limitExceeded(.memory)) == "program: memory limit exceeded (256 MiB)")
        #expect(first(.blockedSyscall(name: "mount")) == "program: blocked system call: mount")
    }

    @Test func quantities() {
        #expect(RunSummary.seconds(.zero) == "0.000 s")
        #expect(RunSummary.seconds(.microseconds(1_999_600)) == "2.000 s")
        #expect(RunSummary.size(0) == "0 bytes" && RunSummary.size(1) == "1 byte")
        #expect(RunSummary.size(1024) == "1.0 KiB" && RunSummary.size(1_048_575) == "1024.0 KiB")
        #expect(RunSummary.size(5 << 30) == "5.0 GiB")
    }
}
#endif
