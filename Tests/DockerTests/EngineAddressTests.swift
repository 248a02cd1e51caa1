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

    /// `EngineHostTests` has all that is refused.
    @Test(arguments: [
        ("docker", "no scheme"), ("unix://docker.sock", "absolute"), ("tcp://a:0", "a port is"),
        ("ssh://a", "ssh:// is not supported"),
    ]) func isRefused(_ host: String, _ reason: String) {
        for (name, body) in [
            ("DOCKER_HOST", { try EngineAddress(environment: ["DOCKER_HOST": host]) }),
            ("the engine's address", { try EngineAddress(parsing: host) }),
        ] {
            let error = #expect(throws: SandboxError.self) { try body() }
            #expect(error?.code == .invalidArgument)
            #expect(error?.message.contains("\(name) is '\(host)'") ?? false, "\(error?.message ?? "")")
            #expect(error?.message.contains(reason) ?? false, "\(error?.message ?? "")")
        }
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
