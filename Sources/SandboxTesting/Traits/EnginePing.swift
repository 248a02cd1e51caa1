/// Checks whether a Docker Engine answers, with a plain socket.

import Dispatch
import Glibc
import SandboxAPI
import SandboxRuntime

/// One request to `/_ping`.
enum EnginePing {
    /// Pings the engine that the environment names: `nil` if it answers, or why not. Done once in a process.
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

    /// Returns `nil` if an engine answers at this address, or why not.
    static func reasonForSilence(_ address: String, wantsTLS: Bool) async -> String? {
        await Waiter.wait { waiter in
            // The ping blocks, so it runs on none of the threads that tests run on.
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
        do throws(Silence) {
            let connection =
                switch host.endpoint {
                case .unix(let path): try connectLocally(path)
                case .tcp(let name, let port): try connectOverTCP(name, "\(port)")
                }
            return host.needsTLS ? nil : ask(connection, address)
        } catch {
            return "nobody listens at \(address): \(describe(errno: error.errno))"
        }
    }

    /// Why there is no connection.
    private struct Silence: Error { var errno: Int32 }

    private static func ask(_ connection: borrowing OwnedDescriptor, _ address: String) -> String? {
        let request = "GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n"
        let sent = send(connection.number, request, request.utf8.count, Int32(MSG_NOSIGNAL))
        guard sent == request.utf8.count else {
            return "\(address) takes no request: \(describe(errno: errno))"
        }
        var head = [UInt8](repeating: 0, count: 12)
        let count = recv(connection.number, &head, head.count, Int32(MSG_WAITALL))
        let answer = String(decoding: head.prefix(max(0, count)), as: UTF8.self)
        guard answer.hasPrefix("HTTP/1."), answer.hasSuffix(" 200") else {
            return "\(address) did not answer as an engine does: '\(answer)'"
        }
        return nil
    }

    private static func connectLocally(_ path: String) throws(Silence) -> OwnedDescriptor {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw Silence(errno: ENAMETOOLONG)
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return try withUnsafeBytes(of: &address) { bytes throws(Silence) in
            try connected(
                AF_UNIX, bytes.assumingMemoryBound(to: sockaddr.self).baseAddress!, socklen_t(bytes.count))
        }
    }

    private static func connectOverTCP(
        _ host: String, _ port: String
    ) throws(Silence) -> OwnedDescriptor {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, port, &hints, &list) == 0 else {
            throw Silence(errno: EHOSTUNREACH)
        }
        defer { freeaddrinfo(list) }
        var silence = Silence(errno: EHOSTUNREACH)
        var next = list
        while let entry = next?.pointee {
            do throws(Silence) {
                return try connected(entry.ai_family, entry.ai_addr, entry.ai_addrlen)
            } catch {
                silence = error
            }
            next = entry.ai_next
        }
        throw silence
    }

    private static func connected(
        _ family: Int32, _ address: UnsafePointer<sockaddr>, _ length: socklen_t
    ) throws(Silence) -> OwnedDescriptor {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard let connection = OwnedDescriptor(owning: socket(family, type, 0)) else {
            throw Silence(errno: errno)
        }
        var patience = patience
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(
                connection.number, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
        }
        guard connect(connection.number, address, length) == 0 else { throw Silence(errno: errno) }
        return connection
    }
}
