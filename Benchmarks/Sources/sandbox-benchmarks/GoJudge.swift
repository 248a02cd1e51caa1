/// go-judge, where it is on PATH: the same tests through its REST interface.

import Glibc

/// A server of its own on the loopback, with its file cache in memory, stopped with this value.
final class GoJudge {
    private let process: pid_t
    private let port: UInt16

    /// - Returns: `nil`, with the reason printed, where there is no `go-judge` on PATH, or it does not serve here.
    static func start(workers: Int) throws -> GoJudge? {
        guard let path = find() else {
            if Settings.flag("MUST_WORK") { throw BenchmarkError("go-judge is not on PATH") }
            print("go-judge skipped: it is not on PATH\n")
            return nil
        }
        return try GoJudge(path, workers)
    }

    private static func find() -> String? {
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        return path.split(separator: ":").map { "\($0)/go-judge" }.first { access($0, X_OK) == 0 }
    }

    private init(_ path: String, _ workers: Int) throws {
        port = try Self.freePort()
        let arguments = [
            path, "-http-addr", "127.0.0.1:\(port)", "-parallelism", "\(workers)", "-silent",
        ]
        var words = arguments.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        // Without the signal mask of the thread that runs this task, which blocks those that stop a server.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var started: pid_t = 0
        let result = posix_spawn(&started, path, nil, &attributes, &words, environ)
        guard result == 0 else { throw BenchmarkError("cannot start \(path): errno \(result)") }
        process = started
        let http = PlainHTTP(.loopback(port: port))
        for _ in 0..<200 {
            if let answer = try? http.request("GET", "/version"), answer.status == 200 {
                print("go-judge: \(answer.text)\n")
                return
            }
            usleep(50_000)
        }
        stop()
        throw BenchmarkError("go-judge does not answer within 10 s")
    }

    deinit { stop() }

    private func stop() {
        kill(process, SIGTERM)
        var status: Int32 = 0
        waitpid(process, &status, 0)
    }

    private static func freePort() throws -> UInt16 {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(fd) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(fd, $0, size) == 0 ? getsockname(fd, $0, &size) : -1
            }
        }
        guard result == 0 else { throw BenchmarkError("no free port: errno \(errno)") }
        return UInt16(bigEndian: address.sin_port)
    }

    /// Gives the program to go-judge's file cache, so that it is not sent with each test; returns its identifier.
    func upload(_ program: [UInt8]) throws -> String {
        let mark = "sandbox-benchmarks-part"
        let head =
            "--\(mark)\r\nContent-Disposition: form-data; name=\"file\"; filename=\"program\"\r\n"
            + "Content-Type: application/octet-stream\r\n\r\n"
        let answer = try PlainHTTP(.loopback(port: port)).request(
            "POST", "/file", body: Array(head.utf8) + program + Array("\r\n--\(mark)--\r\n".utf8),
            type: "multipart/form-data; boundary=\(mark)")
        guard answer.status == 200 else { throw BenchmarkError("go-judge: \(answer.status) \(answer.text)") }
        return answer.text.filter { $0.isLetter || $0.isNumber }
    }

    /// Tests per second: each is a request of its own on a connection that its worker keeps, and its output is compared.
    ///
    /// - Parameters:
    ///   - file: what ``upload(_:)`` returned.
    ///   - input: without what JSON escapes, but for `\n`.
    ///   - answer: the same.
    func judgedRate(
        _ file: String, _ input: String, _ answer: String, workers: Int, count: Int
    ) async throws -> Double {
        let files = #"[{"content":"\#(input)"},{"name":"stdout","max":65536},{"name":"stderr","max":65536}]"#
        let limits = #""cpuLimit":10000000000,"memoryLimit":268435456,"procLimit":64"#
        let command = #"{"args":["program"],"env":["PATH=/usr/bin:/bin"],"files":\#(files),\#(limits),"#
        let body = Array((#"{"cmd":["# + command + #""copyIn":{"program":{"fileId":"\#(file)"}}}]}"#).utf8)
        let clock = ContinuousClock()
        let start = clock.now
        let port = port
        // Each task blocks a thread, of which there are as many as processors; nothing else runs meanwhile.
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<workers {
                group.addTask {
                    let http = PlainHTTP(.loopback(port: port))
                    for _ in stride(from: number, to: count, by: workers) {
                        let result = try http.request("POST", "/run", body: body)
                        let text = result.text
                        guard result.status == 200, text.contains(#""status":"Accepted""#),
                            text.contains(#""stdout":"\#(answer)""#)
                        else { throw BenchmarkError("go-judge: \(result.status) \(text)") }
                    }
                }
            }
            try await group.waitForAll()
        }
        return Double(count) / ((clock.now - start) / .seconds(1))
    }
}
