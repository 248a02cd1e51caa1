/// Asks whether a Docker Engine answers, with nothing but a socket.

import Dispatch
import Glibc
import SandboxAPI
import SandboxRuntime

/// One request to `/_ping`.
enum EnginePing {
    /// Of the engine that the environment names: `nil` if it answers, or why not. Asked once in a process.
    static let ofEnvironment = Task {
        func value(_ name: String) -> String? {
            getenv(name).flatMap { $0.pointee == 0 ? nil : String(cString: $0) }
        }
        return await reasonForSilence(
            value("DOCKER_HOST") ?? "unix://\(EngineHost.usualSocket)",
            wantsTLS: EngineHost.tlsVariables.contains { value($0) != nil })
    }

    /// How long a connection, and then an answer, may take.
    private static let patience = timeval(tv_sec: 5, tv_usec: 0)

    /// `nil` if an engine answers at this address, or why not.
    static func reasonForSilence(_ address: String, wantsTLS: Bool) async -> String? {
        await Waiter.wait { waiter in
            // It blocks, and so on none of the threads that tests run on.
            DispatchQueue.global().async { waiter.resume(returning: ping(address, wantsTLS: wantsTLS)) }
        }
    }

    private static func ping(_ address: String, wantsTLS: Bool) -> String? {
        let host: EngineHost
        do throws(SandboxError) {
            host = try EngineHost(parsing: address, called: "the engine's address", wantsTLS: wantsTLS)
        } catch {
            return error.message
        }
        if host.refusesTLS { return "\(address) is without TLS, which is asked for" }
        let descriptor =
            switch host.endpoint {
            case .unix(let path): connectLocally(path)
            case .tcp(let name, let port): connectOverTCP(name, "\(port)")
            }
        guard descriptor >= 0 else { return "nobody listens at \(address): \(describe(errno: -descriptor))" }
        defer { close(descriptor) }
        if host.needsTLS { return nil }
        let request = "GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n"
        guard send(descriptor, request, request.utf8.count, Int32(MSG_NOSIGNAL)) == request.utf8.count else {
            return "\(address) takes no request: \(describe(errno: errno))"
        }
        var head = [UInt8](repeating: 0, count: 12)
        let count = recv(descriptor, &head, head.count, Int32(MSG_WAITALL))
        let answer = String(decoding: head.prefix(max(0, count)), as: UTF8.self)
        guard answer.hasPrefix("HTTP/1."), answer.hasSuffix(" 200") else {
            return "\(address) did not answer as an engine does: '\(answer)'"
        }
        return nil
    }

    /// A connected socket, or a negative error number.
    private static func connectLocally(_ path: String) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return -ENAMETOOLONG }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return withUnsafeBytes(of: &address) {
            connected(AF_UNIX, $0.assumingMemoryBound(to: sockaddr.self).baseAddress!, socklen_t($0.count))
        }
    }

    private static func connectOverTCP(_ host: String, _ port: String) -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, port, &hints, &list) == 0 else { return -EHOSTUNREACH }
        defer { freeaddrinfo(list) }
        var result = -EHOSTUNREACH
        var next = list
        while let entry = next?.pointee {
            result = connected(entry.ai_family, entry.ai_addr, entry.ai_addrlen)
            if result >= 0 { break }
            next = entry.ai_next
        }
        return result
    }

    private static func connected(_ family: Int32, _ address: UnsafePointer<sockaddr>, _ length: socklen_t)
        -> Int32
    {
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return -errno }
        var patience = patience
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
        }
        guard connect(descriptor, address, length) == 0 else {
            let number = errno
            close(descriptor)
            return -number
        }
        return descriptor
    }
}
