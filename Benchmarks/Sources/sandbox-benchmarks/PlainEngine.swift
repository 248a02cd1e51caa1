/// An engine as any client uses it: the Engine API over its socket, on a persistent connection.

import Glibc

/// Blocking, and independent of the measured library: the cost of `docker exec` for a client of the API.
final class PlainEngine {
    struct Answer {
        var status: Int
        var body: [UInt8]
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    private let path: String
    private var socket: Int32 = -1
    private var received: [UInt8] = []

    /// - Parameter host: a unix socket, as in `DOCKER_HOST`.
    init(host: String) throws {
        guard host.hasPrefix("unix://") else { throw BenchmarkError("'\(host)' is no unix:// address") }
        path = String(host.dropFirst("unix://".count))
    }

    deinit { disconnect() }

    // MARK: Measured

    /// Runs a command in a running container and waits for its end and its exit code: three requests, as `docker exec`.
    func exec(_ container: String, _ command: [String]) throws -> Int {
        let words = command.map { "\"\($0)\"" }.joined(separator: ",")
        let made = try request(
            "POST", "/containers/\(container)/exec",
            #"{"AttachStdout":true,"AttachStderr":true,"Cmd":[\#(words)]}"#)
        let path = "/exec/\(try Self.field("Id", of: made))"
        try attach(path + "/start")
        let state = try request("GET", path + "/json")
        guard let code = Int(try Self.field("ExitCode", of: state)) else {
            throw BenchmarkError("no exit code in \(state.text)")
        }
        return code
    }

    /// The streams of an exec use a separate connection, which ends with them.
    private func attach(_ path: String) throws {
        let own = try PlainEngine(host: "unix://" + self.path)
        try own.send(
            "POST", path, "Connection: Upgrade\r\nUpgrade: tcp\r\n", Array(#"{"Detach":false}"#.utf8))
        let (status, _) = try own.head()
        guard status == 101 || status == 200 else { throw BenchmarkError("exec start: status \(status)") }
        while try own.receive() {}
    }

    // MARK: Not measured

    /// Makes an image of one file.
    func load(_ image: String, _ name: String, _ bytes: [UInt8]) throws {
        let (repository, tag) = (image.split(separator: ":")[0], image.split(separator: ":")[1])
        try expect(
            request(
                "POST", "/images/create?fromSrc=-&repo=\(repository)&tag=\(tag)", body: Self.tar(name, bytes),
                type: "application/x-tar"))
    }

    /// Starts a container with the same bounds as the library's, and the engine's defaults otherwise.
    func start(_ image: String, _ command: [String]) throws -> String {
        let words = command.map { "\"\($0)\"" }.joined(separator: ",")
        let made = try request(
            "POST", "/containers/create",
            #"{"Image":"\#(image)","Cmd":[\#(words)],"NetworkDisabled":true,"HostConfig":{"NetworkMode":"none","#
                + #""ReadonlyRootfs":true,"PidsLimit":64,"Memory":268435456,"LogConfig":{"Type":"none"}}}"#)
        let id = try Self.field("Id", of: made)
        try expect(request("POST", "/containers/\(id)/start", ""))
        return id
    }

    func remove(container: String) { _ = try? request("DELETE", "/containers/\(container)?force=true") }
    func remove(image: String) { _ = try? request("DELETE", "/images/\(image)?force=true") }

    private func expect(_ answer: Answer) throws {
        guard answer.status < 300 else { throw BenchmarkError("the engine: \(answer.status) \(answer.text)") }
    }

    /// A ustar archive with one executable file.
    private static func tar(_ name: String, _ bytes: [UInt8]) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, _ offset: Int) {
            header.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8)
        }
        func octal(_ value: Int, _ digits: Int) -> String {
            let text = String(value, radix: 8)
            return String(repeating: "0", count: digits - text.count) + text
        }
        put(name, 0)
        put("0000755", 100)
        put("0000000", 108)
        put("0000000", 116)
        put(octal(bytes.count, 11), 124)
        put("00000000000", 136)
        put("        ", 148)
        put("0", 156)
        put("ustar\u{0}00", 257)
        put(octal(header.reduce(0) { $0 + Int($1) }, 6) + "\u{0} ", 148)
        return header + bytes + [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512 + 1024)
    }

    // MARK: HTTP

    private func request(_ method: String, _ path: String, _ json: String? = nil) throws -> Answer {
        try request(method, path, body: json.map { Array($0.utf8) }, type: "application/json")
    }

    private func request(_ method: String, _ path: String, body: [UInt8]?, type: String) throws -> Answer {
        try send(method, path, "", body, type: type)
        let (status, headers) = try head()
        if status == 204 { return Answer(status: status, body: []) }
        if headers["transfer-encoding"] == "chunked" { return Answer(status: status, body: try chunks()) }
        return Answer(status: status, body: try take(Int(headers["content-length"] ?? "") ?? 0))
    }

    private func send(
        _ method: String, _ path: String, _ headers: String, _ body: [UInt8]?,
        type: String = "application/json"
    ) throws {
        if socket < 0 { try connect() }
        var text = "\(method) /v1.41\(path) HTTP/1.1\r\nHost: docker\r\n\(headers)"
        if let body { text += "Content-Type: \(type)\r\nContent-Length: \(body.count)\r\n" }
        let bytes = Array((text + "\r\n").utf8) + (body ?? [])
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { write(socket, $0.baseAddress! + sent, bytes.count - sent) }
            guard count > 0 else { throw BenchmarkError("the engine closed its socket") }
            sent += count
        }
    }

    private func head() throws -> (status: Int, headers: [String: String]) {
        var lines: [String] = []
        while let line = try Optional(line()), !line.isEmpty { lines.append(line) }
        guard let first = lines.first?.split(separator: " "), first.count > 1, let status = Int(first[1])
        else {
            throw BenchmarkError("the engine does not speak HTTP")
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
            guard try receive() else { throw BenchmarkError("the engine closed its socket") }
        }
    }

    private func take(_ count: Int) throws -> [UInt8] {
        while received.count < count {
            guard try receive() else { throw BenchmarkError("the engine closed its socket") }
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
    private func receive() throws -> Bool {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = read(socket, &buffer, buffer.count)
        guard count >= 0 else { throw BenchmarkError("cannot read from the engine: errno \(errno)") }
        received += buffer.prefix(count)
        return count > 0
    }

    private func connect() throws {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw BenchmarkError("\(path) is too long")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { throw BenchmarkError("cannot connect to \(path): errno \(errno)") }
    }

    private func disconnect() {
        if socket >= 0 { close(socket) }
        socket = -1
        received = []
    }

    /// The value of a field of a flat JSON answer: a string, or a number.
    private static func field(_ name: String, of answer: Answer) throws -> String {
        let text = answer.text
        guard answer.status < 300, let range = text.firstRange(of: "\"\(name)\":") else {
            throw BenchmarkError("the engine: \(answer.status) \(text)")
        }
        return String(
            text[range.upperBound...].drop { $0 == "\"" || $0 == " " }.prefix { $0.isLetter || $0.isNumber })
    }
}
