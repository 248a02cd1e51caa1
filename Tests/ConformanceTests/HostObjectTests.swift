// Objects that the kernel keeps for the host and its users: files, devices, quotas. Programs affect none of
// them.
import Foundation
import Glibc
import Sandbox
import Testing

@Suite("Host objects", .shared, .timeLimit(.patient))
struct HostObjectTests {
    /// Runs a program that prints a line when it is ready and waits for a line; runs `body` meanwhile.
    /// Returns its output's lines.
    private func during(
        _ subject: ConformanceSubject, _ program: String, _ arguments: [String] = [], until mark: String,
        limits: Limits = .standard, mayMeetLimits: Bool = false, _ body: () async throws -> Void
    ) async throws -> [String] {
        try await subject.withSandbox { sandbox in
            let command = try await sandbox.install(program, arguments)
            let (input, feed) = AsyncStream.makeStream(of: [UInt8].self)
            let (ready, isReady) = AsyncStream.makeStream(of: Void.self)
            async let run = sandbox.run(command, stdin: .stream(input), limits: limits.forThisProcessor) {
                execution in
                var text: [UInt8] = []
                for await chunk in execution.output {
                    text += chunk.bytes
                    if String(decoding: text, as: UTF8.self).contains(mark) { isReady.finish() }
                }
                isReady.finish()
                return String(decoding: text, as: UTF8.self)
            }
            for await _ in ready {}
            do {
                try await body()
            } catch {
                feed.finish()
                _ = try await run
                throw error
            }
            feed.yield([10])
            feed.finish()
            let (result, text) = try await run
            let isLimit = if case .limitExceeded = result.outcome { mayMeetLimits } else { false }
            #expect(result.outcome == .exited(code: 0) || isLimit, "\(result.summary)")
            return text.split(separator: "\n").map(String.init)
        }
    }

    private func isFree(_ path: String) -> Bool {
        let fd = open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { return true }
        defer { close(fd) }
        return flock(fd, LOCK_EX | LOCK_NB) == 0
    }

    @Test(
        "The host's files and devices are not watched, locked or changed",
        arguments: await ConformanceSubject.all)
    func hostFiles(subject: ConformanceSubject) async throws {
        guard subject.capabilities.layers.contains(.ownInodes) else { return }
        let lines = try await during(subject, "watch_files", until: "ready\n") {
            // Accesses by the host, and by another sandbox.
            for path in ["/usr/bin/env", "/dev/null", "/dev/urandom", "/dev/zero"] {
                let fd = open(path, O_RDONLY | O_CLOEXEC)
                try #require(fd >= 0)
                var byte: UInt8 = 0
                _ = read(fd, &byte, 1)
                close(fd)
            }
            let neighbour = try await subject.shell("/usr/bin/env true; head -c 1 /dev/urandom >/dev/null")
            expect(neighbour, .exited(code: 0))
            for path in ["/usr/bin/env", "/dev/null", "/etc/ld.so.cache"] {
                #expect(isFree(path), "\(path) is locked from inside")
            }
        }
        // A container's own processes use the container's own devices.
        guard subject.capabilities.kind == .local else { return }
        #expect(lines.last == "events 0", "\(lines)")
        #expect(
            lines.contains { $0.hasPrefix("times E") } && lines.contains { $0.hasPrefix("mode E") },
            "\(lines)")
    }

    @Test(
        "Where the host's own devices are bound, they are not changed either",
        arguments: await ConformanceSubject.all)
    func hostDevices(subject: ConformanceSubject) async throws {
        guard subject.has(.rootfs), subject.capabilities.kind == .local else { return }
        let lines = try await during(subject, "watch_files", until: "ready\n") {}
        #expect(
            lines.contains { $0.hasPrefix("times E") } && lines.contains { $0.hasPrefix("mode E") },
            "\(lines)")
    }

    /// Inotify instances, timers and queued signals also count for the user who made the namespace.
    @Test("Quotas of this process's own user stay its own", arguments: await ConformanceSubject.all)
    func quotas(subject: ConformanceSubject) async throws {
        guard subject.capabilities.layers.isSuperset(of: [.distinctUser, .userNamespace]) else { return }
        func capacity() -> Int {
            var held: [Int32] = []
            while held.count < 100, case let fd = inotify_init1(Int32(IN_CLOEXEC)), fd >= 0 {
                held.append(fd)
            }
            for fd in held { close(fd) }
            return held.count
        }
        let before = capacity()
        let lines = try await during(subject, "hold_quotas", until: "\n") {
            if getuid() == 0 { #expect(capacity() == before) }
            var timer: timer_t?
            #expect(timer_create(CLOCK_MONOTONIC, nil, &timer) == 0)
            if let timer { timer_delete(timer) }
        }
        let counts = try #require(lines.first).split(separator: " ").compactMap { Int($0) }
        #expect(counts.count == 2 && counts[0] <= 128 && counts[1] <= 1024, "\(lines)")
        if subject.capabilities.kind == .local { #expect(counts[0] <= 8, "\(lines)") }
    }

    /// The host's kernel memory that cannot be reclaimed, in bytes.
    private func kernelMemory() -> Int {
        let text = (try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").filter {
            $0.hasPrefix("SUnreclaim:") || $0.hasPrefix("VmallocUsed:")
        }
        .compactMap { $0.split(separator: " ").dropFirst().first.flatMap { Int($0) } }.reduce(0, +) << 10
    }

    static let kinds = [
        "event", "pipe", "socket", "flight", "epoll", "watch", "dentry", "lock", "attribute", "timer",
        "message",
        "semaphore", "memfd", "mapping",
    ]

    /// docs/threat-model.md lists the bound of each. The margin is for what other tests do meanwhile.
    @Test("What no cgroup counts is bounded", arguments: await ConformanceSubject.all)
    func hoards(subject: ConformanceSubject) async throws {
        guard !subject.isSampled else { return }
        for kind in Self.kinds {
            let limits = Limits(wallTime: .seconds(30), cpuTime: .seconds(20), memory: 64 << 20)
            let before = kernelMemory()
            var held = 0
            let lines = try await during(
                subject, "hoard", [kind], until: "\n", limits: limits, mayMeetLimits: true
            ) { held = kernelMemory() - before }
            let bound = limits.memory + (128 << 20)
            #expect(held < bound, "\(kind): \(held >> 20) MiB, \(lines)")
            if kind == "attribute" { #expect(lines == ["0 EOPNOTSUPP"]) }
        }
    }

    @Test("Nothing to read of what the whole host does", arguments: await ConformanceSubject.all)
    func masked(subject: ConformanceSubject) async throws {
        guard subject.has(.maskedProc), subject.capabilities.kind == .local else { return }
        let files = ["vmstat", "zoneinfo", "buddyinfo", "softirqs", "locks", "interrupts", "diskstats"]
        let line =
            "cd /proc; cat \(files.joined(separator: " ")) 2>/dev/null | wc -c; ls pressure 2>/dev/null | wc -l"
        let result = try await subject.shell(line)
        expect(result, .exited(code: 0))
        #expect(result.lines.filter { !$0.isEmpty } == ["0", "0"], "\(result.summary)")
    }
}
