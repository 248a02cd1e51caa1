/// How the text of `DOCKER_HOST` is read.
import SandboxAPI
import SandboxRuntime
import Testing

@Suite struct EngineHostTests {
    private static func parse(_ text: String, wantsTLS: Bool = false) throws(SandboxError) -> EngineHost {
        try EngineHost(parsing: text, called: "DOCKER_HOST", wantsTLS: wantsTLS)
    }

    /// The longest path that fits with its NUL.
    private static let longest = "/" + String(repeating: "a", count: 106)

    static let valid: [(String, EngineHost.Endpoint)] = [
        ("unix:///var/run/docker.sock", .unix(path: "/var/run/docker.sock")),
        ("unix:///a b/c.sock", .unix(path: "/a b/c.sock")),
        ("unix://" + longest, .unix(path: longest)),
        ("tcp://engine", .tcp(host: "engine", port: 2375)),
        ("tcp://127.0.0.1:99/", .tcp(host: "127.0.0.1", port: 99)),
        ("http://[::1]:99", .tcp(host: "::1", port: 99)),
        ("tcp://[fe80::1]", .tcp(host: "fe80::1", port: 2375)),
        ("tcp://a:65535", .tcp(host: "a", port: 65535)),
    ]

    @Test(arguments: valid) func isRead(_ text: String, _ expected: EngineHost.Endpoint) throws {
        let host = try Self.parse(text)
        #expect(host.endpoint == expected && !host.needsTLS && !host.refusesTLS)
    }

    static let secure: [(String, EngineHost.Endpoint, needs: Bool, refuses: Bool)] = [
        ("unix:///a", .unix(path: "/a"), false, false),
        ("tcp://engine", .tcp(host: "engine", port: 2376), true, false),
        ("tcp://engine:1", .tcp(host: "engine", port: 1), true, false),
        ("https://engine", .tcp(host: "engine", port: 2376), true, false),
        ("http://engine", .tcp(host: "engine", port: 2375), false, true),
    ]

    @Test(arguments: secure)
    func isReadWithTLS(_ text: String, _ expected: EngineHost.Endpoint, needs: Bool, refuses: Bool) throws {
        let host = try Self.parse(text, wantsTLS: true)
        #expect(host.endpoint == expected && host.needsTLS == needs && host.refusesTLS == refuses)
    }

    @Test func httpsAlwaysNeedsTLS() throws {
        let host = try Self.parse("https://engine:7")
        #expect(host.endpoint == .tcp(host: "engine", port: 7) && host.needsTLS)
    }

    static let invalid: [(String, String)] = [
        ("/var/run/docker.sock", "no scheme"), ("docker", "no scheme"),
        ("unix://", "absolute"), ("unix://docker.sock", "absolute"),
        ("unix:///" + String(repeating: "a", count: 107), "107 bytes"), ("unix:///a\0b", "absolute"),
        ("tcp://", "no host"), ("tcp://:2375", "no host"), ("tcp://a b", "no host"),
        ("tcp://a:", "a port is"), ("tcp://a:0", "a port is"), ("tcp://a:65536", "a port is"),
        ("tcp://a:+1", "a port is"), ("tcp://a:1:2", "a port is"), ("tcp://[::1", "bracket"),
        ("tcp://[::1]2375", "after a colon"), ("tcp://a:1/path", "only a host and a port"),
        ("tcp://me@a:1", "only a host and a port"),
        ("ssh://a", "ssh:// is not supported"), ("npipe:////./pipe/docker", "npipe:// is not supported"),
        ("fd://", "fd:// is not supported"), ("tcp+tls://a", "not supported"),
        ("TCP://a", "not supported"),
    ]

    @Test(arguments: invalid) func isRefused(_ text: String, _ reason: String) {
        let error = #expect(throws: SandboxError.self) { try Self.parse(text) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("DOCKER_HOST is '\(text)'") ?? false, "\(error?.message ?? "")")
        #expect(error?.message.contains(reason) ?? false, "\(error?.message ?? "")")
    }
}
