/// Checks whether a Docker Engine answers, with a plain socket.

import Dispatch
import Glibc
import SandboxRuntime

/// One request to `/_ping`.
enum EnginePing {
    /// Pings the engine that the environment names: `nil` if it answers, or why not. Done once in a process.
    static let ofEnvironment = Task {
        let host = getenv("DOCKER_HOST").map { String(cString: $0) } ?? ""
        let wantsTLS = ["DOCKER_TLS_VERIFY", "DOCKER_TLS"].contains { (name: String) in
            getenv(name).map { $0.pointee != 0 } ?? false
        }
        return await reasonForSilence(host.isEmpty ? "unix:///var/run/docker.sock" : host, wantsTLS: wantsTLS)
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
        let parts = address.split(separator: "://", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return "'\(address)' has no scheme" }
        do throws(Silence) {
            switch parts[0] {
            case "unix": return ask(try connectLocally(parts[1]), address)
            case "tcp", "http", "https":
                let isSecure = wantsTLS || parts[0] == "https"
                let (host, port) = hostAndPort(parts[1], isSecure ? "2376" : "2375")
                let connection = try connectOverTCP(host, port)
                return isSecure ? nil : ask(connection, address)
            default: return "\(parts[0]):// is not known here"
            }
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

    private static func hostAndPort(_ text: String, _ usual: String) -> (String, String) {
        let text = text.hasSuffix("/") ? String(text.dropLast()) : text
        guard let colon = text.lastIndex(of: ":"), !text.hasSuffix("]") else {
            return (unbracketed(text), usual)
        }
        return (unbracketed(String(text[..<colon])), String(text[text.index(after: colon)...]))
    }

    private static func unbracketed(_ host: String) -> String { host.filter { $0 != "[" && $0 != "]" } }

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
