/// Tests how the variables that name an engine are read.

#if Docker
import Sandbox
import Testing

@testable import SandboxDocker

@Suite struct EngineAddressTests {
    static let directory = EngineAddress.TLS(directory: "/certs")
    static let valid: [([String: String], EngineAddress)] = [
        ([:], EngineAddress(.unix(path: "/var/run/docker.sock"))),
        (["DOCKER_HOST": ""], EngineAddress(.unix(path: "/var/run/docker.sock"))),
        (["DOCKER_TLS_VERIFY": "1"], EngineAddress(.unix(path: "/var/run/docker.sock"))),
        (["DOCKER_HOST": "unix:///a b/c.sock"], EngineAddress(.unix(path: "/a b/c.sock"))),
        (["DOCKER_HOST": "tcp://engine"], EngineAddress(.tcp(host: "engine", port: 2375))),
        (["DOCKER_HOST": "tcp://127.0.0.1:99/"], EngineAddress(.tcp(host: "127.0.0.1", port: 99))),
        (["DOCKER_HOST": "http://[::1]:99"], EngineAddress(.tcp(host: "::1", port: 99))),
        (["DOCKER_HOST": "tcp://[fe80::1]"], EngineAddress(.tcp(host: "fe80::1", port: 2375))),
        (
            ["DOCKER_HOST": "tcp://engine", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/certs"],
            EngineAddress(.tcp(host: "engine", port: 2376), tls: directory)
        ),
        (
            ["DOCKER_HOST": "tcp://engine:1", "DOCKER_TLS": "1", "DOCKER_CERT_PATH": "/certs/"],
            EngineAddress(.tcp(host: "engine", port: 1), tls: directory)
        ),
        (
            ["DOCKER_HOST": "tcp://engine:1", "DOCKER_TLS_VERIFY": "0", "HOME": "/home/me"],
            EngineAddress(.tcp(host: "engine", port: 1), tls: .init(directory: "/home/me/.docker"))
        ),
        (
            ["DOCKER_HOST": "tcp://engine:1", "DOCKER_CERT_PATH": "/certs"],
            EngineAddress(.tcp(host: "engine", port: 1))
        ),
        (
            ["DOCKER_HOST": "https://engine", "HOME": "/home/me"],
            EngineAddress(.tcp(host: "engine", port: 2376), tls: .init())
        ),
        (
            ["DOCKER_HOST": "https://engine:7", "DOCKER_CERT_PATH": "/certs"],
            EngineAddress(.tcp(host: "engine", port: 7), tls: directory)
        ),
    ]

    @Test(arguments: valid) func isRead(_ environment: [String: String], _ expected: EngineAddress) throws {
        #expect(try EngineAddress(environment: environment) == expected)
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

    @Test(arguments: invalid) func isRefused(_ host: String, _ reason: String) {
        let error = #expect(throws: SandboxError.self) {
            try EngineAddress(environment: ["DOCKER_HOST": host])
        }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("DOCKER_HOST is '\(host)'") ?? false, "\(error?.message ?? "")")
        #expect(error?.message.contains(reason) ?? false, "\(error?.message ?? "")")
    }

    /// A connection is never less protected than requested.
    @Test(arguments: ["DOCKER_TLS_VERIFY", "DOCKER_TLS"]) func losesNoTLS(_ variable: String) {
        let error = #expect(throws: SandboxError.self) {
            try EngineAddress(environment: ["DOCKER_HOST": "http://a:1", variable: "1"])
        }
        #expect(error?.message.contains(variable) ?? false)
        #expect(throws: SandboxError.self) { try EngineAddress(parsing: "http://a:1", tls: .init()) }
    }

    @Test(arguments: [
        "unix:///var/run/docker.sock", "tcp://engine:2375", "tcp://[::1]:99", "https://engine:2376",
    ]) func isDescribedAsItIsWritten(_ text: String) throws {
        #expect(try EngineAddress(parsing: text).description == text)
    }
}
#endif
