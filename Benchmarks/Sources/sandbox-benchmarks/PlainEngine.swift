/// An engine as any client uses it: the Engine API over its socket, on a persistent connection.

import Glibc

/// Blocking, and independent of the measured library: the cost of `docker exec` for a client of the API.
final class PlainEngine {
    private let http: PlainHTTP

    /// - Parameter host: a unix socket, as in `DOCKER_HOST`.
    init(host: String) throws {
        guard host.hasPrefix("unix://") else { throw BenchmarkError("'\(host)' is no unix:// address") }
        http = PlainHTTP(.socket(path: String(host.dropFirst("unix://".count))))
    }

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
        let own = PlainHTTP(http.address)
        try own.send(
            "POST", "/v1.41" + path, "Connection: Upgrade\r\nUpgrade: tcp\r\n",
            Array(#"{"Detach":false}"#.utf8))
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

    private func expect(_ answer: PlainHTTP.Answer) throws {
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

    private func request(_ method: String, _ path: String, _ json: String? = nil) throws -> PlainHTTP.Answer {
        try request(method, path, body: json.map { Array($0.utf8) }, type: "application/json")
    }

    private func request(_ method: String, _ path: String, body: [UInt8]?, type: String) throws
        -> PlainHTTP.Answer
    {
        try http.request(method, "/v1.41" + path, body: body, type: type)
    }

    /// The value of a field of a flat JSON answer: a string, or a number.
    private static func field(_ name: String, of answer: PlainHTTP.Answer) throws -> String {
        let text = answer.text
        guard answer.status < 300, let range = text.firstRange(of: "\"\(name)\":") else {
            throw BenchmarkError("the engine: \(answer.status) \(text)")
        }
        return String(
            text[range.upperBound...].drop { $0 == "\"" || $0 == " " }.prefix { $0.isLetter || $0.isNumber })
    }
}
