/// HTTP over one persistent connection, as any client uses it.

import Glibc

/// Blocking, and independent of the measured library.
final class PlainHTTP {
    enum Address {
        case socket(path: String)
        case loopback(port: UInt16)
    }

    struct Answer {
        var status: Int
        var body: [UInt8]
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    let address: Address
    private var socket: Int32 = -1
    private var received: [UInt8] = []

    init(_ address: Address) { self.address = address }

    deinit { disconnect() }

    /// Sends a request and takes the whole answer.
    func request(
        _ method: String, _ path: String, body: [UInt8]? = nil, type: String = "application/json"
    ) throws -> Answer {
        try send(method, path, "", body, type: type)
        let (status, headers) = try head()
        if status == 204 { return Answer(status: status, body: []) }
        if headers["transfer-encoding"] == "chunked" { return Answer(status: status, body: try chunks()) }
        return Answer(status: status, body: try take(Int(headers["content-length"] ?? "") ?? 0))
    }

    func send(
        _ method: String, _ path: String, _ headers: String, _ body: [UInt8]?,
        type: String = "application/json"
    ) throws {
        if socket < 0 { try connect() }
        var text = "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n\(headers)"
        if let body { text += "Content-Type: \(type)\r\nContent-Length: \(body.count)\r\n" }
        let bytes = Array((text + "\r\n").utf8) + (body ?? [])
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { write(socket, $0.baseAddress! + sent, bytes.count - sent) }
            guard count > 0 else { throw BenchmarkError("the server closed its socket") }
            sent += count
        }
    }

    func head() throws -> (status: Int, headers: [String: String]) {
        var lines: [String] = []
        while let line = try Optional(line()), !line.isEmpty { lines.append(line) }
        guard let first = lines.first?.split(separator: " "), first.count > 1, let status = Int(first[1])
        else {
            throw BenchmarkError("the server does not speak HTTP")
        }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            headers[parts[0].lowercased()] = String(parts[1].drop { $0 == " " })
        }
        return (status, headers)
    }

    private func line() throws -> String {
        while true {
            if let end = received.firstIndex(of: 10) {
                let line = received[..<end].filter { $0 != 13 }
                received.removeSubrange(...end)
                return String(decoding: line, as: UTF8.self)
            }
            guard try receive() else { throw BenchmarkError("the server closed its socket") }
        }
    }

    private func take(_ count: Int) throws -> [UInt8] {
        while received.count < count {
            guard try receive() else { throw BenchmarkError("the server closed its socket") }
        }
        defer { received.removeSubrange(..<count) }
        return Array(received[..<count])
    }

    private func chunks() throws -> [UInt8] {
        var body: [UInt8] = []
        while let count = Int(try line(), radix: 16) {
            body += try take(count)
            _ = try line()
            if count == 0 { break }
        }
        return body
    }

    /// Returns false at the end of the stream.
    func receive() throws -> Bool {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = read(socket, &buffer, buffer.count)
        guard count >= 0 else { throw BenchmarkError("cannot read from the server: errno \(errno)") }
        received += buffer.prefix(count)
        return count > 0
    }

    private func connect() throws {
        switch address {
        case .socket(let path):
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else {
                throw BenchmarkError("\(path) is too long")
            }
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            try connect(AF_UNIX, address, path)
        case .loopback(let port):
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            try connect(AF_INET, address, "port \(port)")
            var isOn: Int32 = 1
            setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &isOn, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    private func connect<Address>(_ family: Int32, _ address: Address, _ name: String) throws {
        socket = Glibc.socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let result = withUnsafeBytes(of: address) {
            Glibc.connect(socket, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t($0.count))
        }
        guard result == 0 else {
            let error = errno
            disconnect()
            throw BenchmarkError("cannot connect to \(name): errno \(error)")
        }
    }

    private func disconnect() {
        if socket >= 0 { close(socket) }
        socket = -1
        received = []
    }
}
