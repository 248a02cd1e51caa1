// Directories of the host in the root file system: programs read them, and reach nothing of the host through them.
import Foundation
import Glibc
import Sandbox
import Testing

@Suite("Bind mounts", .shared, .timeLimit(.patient))
struct BindMountTests {
    /// A directory of the host with a few files, removed afterwards.
    private static func withDirectory(_ body: (String) async throws -> Void) async throws {
        let directory = FileManager.default.temporaryDirectory.path + "/bind, mount:\(UUID().uuidString)"
        let files = FileManager.default
        try files.createDirectory(atPath: directory + "/below", withIntermediateDirectories: true)
        defer { try? files.removeItem(atPath: directory) }
        try "of the host\n".write(toFile: directory + "/text", atomically: true, encoding: .utf8)
        try "further\n".write(toFile: directory + "/below/text", atomically: true, encoding: .utf8)
        try files.createSymbolicLink(atPath: directory + "/link", withDestinationPath: "/etc/shadow")
        // The program's user passes through it.
        for path in [directory, directory + "/below"] { _ = chmod(path, 0o755) }
        for path in [directory + "/text", directory + "/below/text"] { _ = chmod(path, 0o644) }
        try await body(directory)
    }

    /// A local backend of the test's own, shut down afterwards, and a directory for it; nothing where the host has no bind
    /// mounts.
    private static func withLocalBackend(
        minimum: Int = 0, maximum: Int = 16, _ body: (LocalBackend, String) async throws -> Void
    ) async throws {
        let backend = LocalBackend(.init(minimum: minimum, maximum: maximum))
        if await backend.capabilities.hasBindMounts {
            try await withDirectory { try await body(backend, $0) }
        }
        await backend.shutdown()
    }

    private static func options(_ mounts: BindMount...) -> SandboxOptions {
        var options = SandboxOptions()
        options.bindMounts = mounts
        return options
    }

    private static func options(_ subject: ConformanceSubject, _ mounts: BindMount...) -> SandboxOptions {
        var options = subject.options(.standard, network: .none)
        options.bindMounts = mounts
        return options
    }

    private static func shell(_ line: String) -> Command { Command("/bin/sh", ["-c", ByteString(line)]) }

    @Test("Programs read them, on their own place", arguments: await ConformanceSubject.all)
    func reading(subject: ConformanceSubject) async throws {
        guard subject.capabilities.hasBindMounts else { return }
        try await Self.withDirectory { directory in
            let options = Self.options(
                subject, BindMount(ByteString(directory), at: "/data"),
                BindMount(ByteString(directory + "/below"), at: "/deep/er/down"),
                BindMount(ByteString(directory + "/./below/"), at: "/data-below"))
            try await subject.backend.withSandbox(options) { sandbox in
                // A container's program has the host's own files before it, and the report says so.
                let hole = sandbox.isolation.holes.contains { $0.contains("/deep/er/down") }
                #expect(hole == (subject.capabilities.kind == .docker), "\(sandbox.isolation)")
                for _ in 1...2 {
                    let result = try await sandbox.run(
                        Self.shell("cat /data/text /deep/er/down/text /data-below/text; readlink /data/link"))
                    expect(result, .exited(code: 0))
                    #expect(
                        result.stdoutText == "of the host\nfurther\nfurther\n/etc/shadow\n",
                        "\(result.summary)")
                }
            }
        }
    }

    @Test("Nothing changes them", arguments: await ConformanceSubject.all)
    func writing(subject: ConformanceSubject) async throws {
        guard subject.capabilities.hasBindMounts else { return }
        try await Self.withDirectory { directory in
            _ = chmod(directory, 0o777)
            _ = chmod(directory + "/text", 0o666)
            let options = Self.options(subject, BindMount(ByteString(directory), at: "/data"))
            try await subject.backend.withSandbox(options) { sandbox in
                for line in [
                    "echo x > /data/new", "echo x >> /data/text", "rm -f /data/text",
                    "mv /data/text /data/other", "chmod 700 /data/text", "mkdir /data/directory",
                    "ln /data/text /work/hard",
                ] {
                    let result = try await sandbox.run(Self.shell(line))
                    guard case .exited(let code) = result.outcome else {
                        Issue.record("\(line): \(result.summary)")
                        continue
                    }
                    #expect(code != 0, "\(line): \(result.summary)")
                }
            }
            #expect(try String(contentsOfFile: directory + "/text", encoding: .utf8) == "of the host\n")
            let names = try FileManager.default.contentsOfDirectory(atPath: directory)
            #expect(names.sorted() == ["below", "link", "text"])
        }
    }

    /// Through an overlay a socket is not the host's. Where there is none, a directory with one is refused.
    @Test("Nobody answers at a socket in them", arguments: await ConformanceSubject.all)
    func sockets(subject: ConformanceSubject) async throws {
        guard subject.capabilities.hasBindMounts else { return }
        try await Self.withDirectory { directory in
            let server = try listen(at: directory + "/s")
            defer { Glibc.close(server) }
            _ = chmod(directory + "/s", 0o777)
            let options = Self.options(subject, BindMount(ByteString(directory), at: "/data"))
            guard subject.capabilities.kind == .local else {
                return await expectError(.invalidArgument) { try await subject.backend.acquire(options) }
            }
            try await subject.backend.withSandbox(options) { sandbox in
                let result = try await sandbox.run(
                    Command(
                        "python3",
                        [
                            "-c",
                            """
                            import socket
                            try: socket.socket(socket.AF_UNIX).connect('/data/s')
                            except OSError as e: print(e.errno)
                            """,
                        ]))
                expect(result, .exited(code: 0))
                #expect(result.stdoutText == "\(ECONNREFUSED)\n", "\(result.summary)")
            }
        }
    }

    /// A listening socket at a path that may be too long for its address.
    private func listen(at path: String) throws -> Int32 {
        let server = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        try #require(path.utf8.count < MemoryLayout.size(ofValue: address.sun_path))
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(server, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0 && Glibc.listen(server, 1) == 0)
        return server
    }

    @Test(
        "What is not allowed is refused, with its path", arguments: await ConformanceSubject.all,
        [
            BindMount("/", at: "/data"), BindMount("/..//.", at: "/data"), BindMount("/proc", at: "/data"),
            BindMount("/dev/shm", at: "/data"), BindMount("/sys/class", at: "/data"),
            BindMount("relative", at: "/data"), BindMount("", at: "/data"), BindMount("/a\0b", at: "/data"),
            BindMount("/usr", at: "data"), BindMount("/usr", at: "/"), BindMount("/usr", at: "/work"),
            BindMount("/usr", at: "/work/below"), BindMount("/usr", at: "/tmp/x"),
            BindMount("/usr", at: "/proc"), BindMount("/usr", at: "/a/../proc"),
            BindMount("/usr", at: "/a//b"),
            BindMount("/usr", at: "/a/"), BindMount("/usr", at: ""), BindMount("/usr", at: "/a\0b"),
            BindMount("/usr", at: ByteString("/" + String(repeating: "a/", count: 200) + "a")),
            BindMount("/no/such/directory", at: "/data"), BindMount("/etc/passwd", at: "/data"),
        ])
    func refusals(subject: ConformanceSubject, mount: BindMount) async throws {
        guard subject.capabilities.hasBindMounts else { return }
        // An engine binds a file as well as a directory; the agent cannot look through it.
        await expectError(.invalidArgument) {
            try await subject.backend.acquire(Self.options(subject, mount))
        }
    }

    @Test("Too many, or two at one place, are refused", arguments: await ConformanceSubject.all)
    func collisions(subject: ConformanceSubject) async throws {
        guard subject.capabilities.hasBindMounts else { return }
        let (first, second) = (BindMount("/usr", at: "/data"), BindMount("/etc", at: "/data"))
        var options = Self.options(subject, first, second)
        await expectError(.invalidArgument) { try await subject.backend.acquire(options) }
        options.bindMounts = [BindMount("/usr", at: "/data/below"), first]
        await expectError(.invalidArgument) { try await subject.backend.acquire(options) }
        options.bindMounts = (0...BindMount.maximum).map { BindMount("/usr", at: "/d\($0)") }
        await expectError(.invalidArgument) { try await subject.backend.acquire(options) }
    }

    @Test("Where they cannot be had, that is an error", arguments: await ConformanceSubject.all)
    func unavailable(subject: ConformanceSubject) async throws {
        guard !subject.capabilities.hasBindMounts else { return }
        await expectError(.isolationUnavailable) {
            try await subject.backend.acquire(Self.options(subject, BindMount("/usr", at: "/data")))
        }
    }

    /// Sandboxes without them, or with others, come from other pools.
    @Test("No other sandbox has them", arguments: await ConformanceSubject.all)
    func apart(subject: ConformanceSubject) async throws {
        guard subject.capabilities.hasBindMounts else { return }
        try await Self.withDirectory { directory in
            let mount = BindMount(ByteString(directory), at: "/data")
            try await subject.backend.withSandbox(Self.options(subject, mount)) { sandbox in
                expect(try await sandbox.run(Self.shell("test -e /data/text")), .exited(code: 0))
                try await subject.withSandbox { other in
                    expect(try await other.run(Self.shell("test -e /data")), .exited(code: 1))
                }
                let elsewhere = Self.options(
                    subject, BindMount(ByteString(directory + "/below"), at: "/data"))
                try await subject.backend.withSandbox(elsewhere) { other in
                    let result = try await other.run(Self.shell("cat /data/text"))
                    #expect(result.stdoutText == "further\n", "\(result.summary)")
                }
            }
        }
    }

    /// Each has a pool, of which a backend keeps a few: the others are given up while callers come for them.
    @Test("Many different ones at once are all served")
    func many() async throws {
        try await Self.withLocalBackend(maximum: 4) { backend, _ in
            try await withThrowingTaskGroup(of: RunResult.self) { group in
                for number in 0..<36 {
                    let place = "/data-\(number % 18)"
                    group.addTask {
                        let options = Self.options(BindMount("/usr/share", at: ByteString(place)))
                        return try await backend.withSandbox(options) {
                            try await $0.run(Self.shell("test -d \(place)"))
                        }
                    }
                }
                for try await result in group { expect(result, .exited(code: 0)) }
            }
        }
    }

    @Test("A directory that took another's place is the one that later sandboxes have")
    func replaced() async throws {
        try await Self.withLocalBackend(minimum: 1) { backend, directory in
            let options = Self.options(BindMount(ByteString(directory + "/below"), at: "/data"))
            let read = Command("cat", ["/data/text"])
            let first = try await backend.acquire(options)
            #expect(try await first.run(read).stdoutText == "further\n")
            let files = FileManager.default
            try files.moveItem(atPath: directory + "/below", toPath: directory + "/old")
            try files.createDirectory(atPath: directory + "/below", withIntermediateDirectories: true)
            try "new\n".write(toFile: directory + "/below/text", atomically: true, encoding: .utf8)
            _ = (chmod(directory + "/below", 0o755), chmod(directory + "/below/text", 0o644))
            for _ in 1...3 {
                let result = try await backend.withSandbox(options) { try await $0.run(read) }
                #expect(result.stdoutText == "new\n", "\(result.summary)")
            }
            #expect(try await first.run(read).stdoutText == "further\n")
            await first.close()
        }
    }

    @Test("A directory that is closed to programs is refused, with its name", .enabled(if: getuid() == 0))
    func closed() async throws {
        try await Self.withLocalBackend { backend, directory in
            _ = chmod(directory, 0o700)
            let options = Self.options(BindMount(ByteString(directory), at: "/data"))
            let error = await #expect(throws: SandboxError.self) { try await backend.acquire(options) }
            #expect(
                error?.code == .invalidArgument && error?.hint?.contains("chmod") == true, "\(error!)")
        }
    }

    @Test("A directory that is gone fails the next sandbox, with its name")
    func gone() async throws {
        try await Self.withLocalBackend { backend, directory in
            let options = Self.options(BindMount(ByteString(directory + "/below"), at: "/data"))
            let first = try await backend.acquire(options)
            try FileManager.default.removeItem(atPath: directory + "/below")
            let error = await #expect(throws: SandboxError.self) { try await backend.acquire(options) }
            #expect(
                error?.code == .invalidArgument && error?.message.contains("/below") == true, "\(error!)")
            await first.close()
        }
    }
}
