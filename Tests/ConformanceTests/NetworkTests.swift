// A loopback network where the caller requests it; otherwise sockets fail with an ordinary error.
import Foundation
import Glibc
import Sandbox
import Testing

@Suite("Network", .shared, .timeLimit(.patient))
struct NetworkTests {
    @Test("TCP and UDP on the loopback", arguments: await ConformanceSubject.all, ["tcp", "tcp6", "udp"])
    func loopback(subject: ConformanceSubject, kind: String) async throws {
        guard subject.has(.networkNamespace) else { return }
        let result = try await subject.run("loopback", [kind, "8080"], network: .loopback)
        if kind == "tcp6",
            result.stdoutText == "bind EADDRNOTAVAIL\n" || result.stdoutText.contains("EAFNOSUPPORT")
        {
            return
        }
        expect(result, .exited(code: 0))
        #expect(result.stdoutText == (kind == "udp" ? "ping\n" : "ping 0\n"), "\(result.summary)")
    }

    /// Connections in TIME_WAIT hold their port for a minute; they must not block the next run.
    @Test("Each run finds every port free", arguments: await ConformanceSubject.all)
    func ports(subject: ConformanceSubject) async throws {
        guard subject.has(.networkNamespace) else { return }
        for _ in 1...3 {
            try await subject.withSandbox(network: .loopback) { sandbox in
                let command = try await sandbox.install("loopback", ["tcp", "8080"])
                for _ in 1...3 {
                    let result = try await sandbox.run(command)
                    expect(result, .exited(code: 0))
                    #expect(result.stdoutText == "ping 0\n", "\(result.summary)")
                }
            }
        }
    }

    @Test("Neighbours have loopbacks of their own", arguments: await ConformanceSubject.all)
    func neighbours(subject: ConformanceSubject) async throws {
        guard subject.has(.networkNamespace) else { return }
        try await withThrowingTaskGroup(of: RunResult.self) { group in
            for _ in 1...4 {
                group.addTask { try await subject.run("loopback", ["tcp", "8080"], network: .loopback) }
            }
            for try await result in group {
                expect(result, .exited(code: 0))
                #expect(result.stdoutText == "ping 0\n", "\(result.summary)")
            }
        }
    }

    @Test("Nothing but lo, and no way to it from here", arguments: await ConformanceSubject.all)
    func shape(subject: ConformanceSubject) async throws {
        guard subject.has(.networkNamespace) else { return }
        let shape = try await subject.run("loopback", ["shape"], network: .loopback)
        #expect(shape.stdoutText == "lo\n0\n", "\(shape.summary)")
        let interfaces = try await subject.run("loopback", ["interfaces"], network: .loopback)
        expect(interfaces, .exited(code: 0))
        #expect(interfaces.stdoutText == "lo\n", "\(interfaces.summary)")
        // A server on the host's own loopback, which a program that shared it could reach.
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(server) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(server, $0, size) == 0 && listen(server, 1) == 0 && getsockname(server, $0, &size) == 0
            }
        }
        try #require(isBound)
        let port = "\(UInt16(bigEndian: address.sin_port))"
        let knock = try await subject.run("loopback", ["knock", port], network: .loopback)
        #expect(knock.stdoutText == "connect ECONNREFUSED\n", "\(knock.summary)")
    }

    /// An engine has no limit for socket memory on cgroup v1 (Docker 20.10 takes KernelMemoryTCP and ignores
    /// it).
    ///
    /// Unbounded, these sockets would hold 300 MiB or more each. The count is the whole host's: four tests
    /// run side by side.
    @Test("What is sent and not read is bounded", arguments: await ConformanceSubject.all, ["tcp", "udp"])
    func unread(subject: ConformanceSubject, protocol: String) async throws {
        guard subject.has(.networkNamespace), !subject.isSampled, subject.capabilities.kind == .local
        else { return }
        let limits = Limits(wallTime: .seconds(20), memory: 32 << 20)
        let result = try await subject.run(
            "unread", [`protocol`], limits: limits.forThisProcessor, network: .loopback)
        // cgroup v2 counts it as the run's memory.
        if result.outcome == .limitExceeded(.memory) { return }
        expect(result, .exited(code: 0))
        let held = Int(result.stdoutText.dropLast()) ?? .max
        #expect(held <= 160, "\(result.summary)")
    }

    @Test("Without the loopback a socket fails, and is listed", arguments: await ConformanceSubject.all)
    func none(subject: ConformanceSubject) async throws {
        let result = try await subject.run("loopback", ["tcp", "8080"])
        expect(result, .exited(code: 1), denied: ["socket"])
        #expect(result.stdoutText == "socket EAFNOSUPPORT\n", "\(result.summary)")
        let ended = try await subject.run("loopback", ["tcp", "8080"], blockedSyscalls: .endRun)
        expect(ended, .blockedSyscall(name: "socket"))
    }

    @Test("The loopback opens no other kinds of sockets", arguments: await ConformanceSubject.all)
    func others(subject: ConformanceSubject) async throws {
        guard subject.has(.networkNamespace) else { return }
        let netlink = try await subject.run(
            "call", ["socket.netlink", "socket.sctp"], network: .loopback)
        expect(netlink, .exited(code: 0), denied: ["socket"])
        for call in ["socket.raw", "socket.packet", "socket.vsock"] {
            expect(try await subject.run("call", [call], network: .loopback), .blockedSyscall(name: "socket"))
        }
    }

    @Test("Servers and clients of Python", arguments: await ConformanceSubject.all)
    func python(subject: ConformanceSubject) async throws {
        guard subject.has(.networkNamespace) else { return }
        do {
            let result = try await subject.run("py_servers", network: .loopback)
            expect(result, .exited(code: 0))
            #expect(result.stdoutText == "hi page 3\n", "\(result.summary)")
        } catch let error as SandboxError where error.code == .executableNotFound {
            skip("\(subject.name): no python3 in this rootfs")
        }
    }
}
