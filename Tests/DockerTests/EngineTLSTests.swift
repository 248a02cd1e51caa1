/// TLS in both directions, with certificates made for the test.

#if Docker
import Foundation
import NIOSSL
import Sandbox
import Testing

@testable import SandboxDocker

@Suite(.serialized, .timeLimit(.minutes(3))) struct EngineTLSTests {
    /// Two authorities, an engine's certificate for 127.0.0.1, one for elsewhere, and a client's; all three
    /// are signed by the first authority.
    final class Certificates {
        let directory: URL

        init() throws {
            directory = FileManager.default.temporaryDirectory.appending(
                path: "sandbox-tls-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            for name in ["ca", "other"] {
                try openssl(
                    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=\(name) "
                        + "-keyout \(name)-key.pem -out \(name).pem")
            }
            for name in ["engine", "elsewhere", "client"] {
                let names = name == "engine" ? "IP:127.0.0.1" : "IP:127.0.0.2,DNS:elsewhere"
                try Data("subjectAltName=\(names)\n".utf8).write(to: directory.appending(path: "names"))
                try openssl(
                    "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=\(name) "
                        + "-keyout \(name)-key.pem -out \(name).csr")
                try openssl(
                    "x509 -req -in \(name).csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 "
                        + "-extfile names -out \(name).pem")
            }
        }

        deinit { try? FileManager.default.removeItem(at: directory) }

        func path(_ name: String) -> String { directory.appending(path: name).path }

        private func openssl(_ arguments: String) throws {
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/openssl")
            process.arguments = arguments.split(separator: " ").map(String.init)
            process.currentDirectoryURL = directory
            process.standardError = FileHandle.nullDevice
            process.standardOutput = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            try #require(process.terminationStatus == 0, "openssl \(arguments)")
        }

        /// A server that requires a certificate from its clients.
        func server(_ name: String = "engine") throws -> NIOSSLContext {
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: try NIOSSLCertificate.fromPEMFile(path("\(name).pem"))
                    .map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(file: path("\(name)-key.pem"), format: .pem))
            )
            configuration.certificateVerification = .noHostnameVerification
            configuration.trustRoots = .file(path("ca.pem"))
            return try NIOSSLContext(configuration: configuration)
        }

        func files(authority: String = "ca.pem", certificate: String? = "client") -> EngineAddress.TLS {
            EngineAddress.TLS(
                authorities: path(authority), certificate: certificate.map { path("\($0).pem") },
                key: certificate.map { path("\($0)-key.pem") })
        }
    }

    static let timeouts = EngineTimeouts(connect: .seconds(2), answer: .seconds(5))

    static func with(
        certificate: String = "engine",
        _ body: (Certificates, FakeEngine, (EngineAddress.TLS) -> EngineClient) async throws -> Void
    ) async throws {
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/openssl") else {
            return skip("there is no openssl to make certificates with")
        }
        let certificates = try Certificates()
        let engine = try await FakeEngine(tls: try certificates.server(certificate)) { line in
            if line.hasPrefix("GET /version ") { return FakeEngine.answer(FakeEngine.version) }
            if line.hasPrefix("GET /v1.41/info ") { return FakeEngine.answer("{}") }
            return [.send(EngineFailureTests.heads[0] + "\u{1}\0\0\0\0\0\0\u{3}abc"), .close]
        }
        defer { engine.close() }
        try await body(certificates, engine) { files in
            EngineClient(
                address: EngineAddress(engine.address.endpoint, tls: files), timeouts: timeouts)
        }
    }

    @Test func bothSidesShowTheirCertificates() async throws {
        try await Self.with { certificates, _, client in
            let client = client(certificates.files())
            #expect(client.address.description.hasPrefix("https://127.0.0.1:"))
            #expect(try await client.connect().engineVersion == "fake")
            let recorder = StreamRecorder()
            _ = try await client.containers.attach("a", handler: recorder)
            try await recorder.untilEnded()
            #expect(recorder.output == "abc" && recorder.record.reason == nil)
        }
    }

    @Test func anotherAuthorityIsRefused() async throws {
        try await Self.with { certificates, engine, client in
            await expectError(.unreachable, "https://127.0.0.1", "not issued by the authority in ca.pem") {
                _ = try await client(certificates.files(authority: "other.pem")).connect()
            }
            await expectError(.unreachable, "not issued by the authority in ca.pem") {
                _ = try await client(EngineAddress.TLS()).connect()
            }
            #expect(engine.requests.isEmpty)
        }
    }

    @Test func anotherNameIsRefused() async throws {
        try await Self.with(certificate: "elsewhere") { certificates, engine, _ in
            guard case .tcp(_, let port) = engine.address.endpoint else { return }
            for host in ["localhost", "127.0.0.1"] {
                let client = EngineClient(
                    address: EngineAddress(.tcp(host: host, port: port), tls: certificates.files()),
                    timeouts: Self.timeouts)
                await expectError(.unreachable, "https://\(host)") { _ = try await client.connect() }
            }
            #expect(engine.requests.isEmpty)
        }
    }

    /// The engine may refuse only after the handshake, instead of answering.
    @Test func aClientWithoutCertificateIsRefused() async throws {
        try await Self.with { certificates, engine, client in
            do {
                _ = try await client(certificates.files(certificate: nil)).connect()
                Issue.record("no error")
            } catch let error as EngineError {
                #expect(error.kind == .unreachable || error.kind == .interrupted, "\(error)")
            }
            #expect(engine.requests.isEmpty)
        }
    }

    @Test func filesThatAreMissingAreNamed() async throws {
        try await Self.with { certificates, _, client in
            var files = certificates.files()
            files.authorities = "/nonexistent/ca.pem"
            await expectError(.unreachable, "/nonexistent/ca.pem") {
                _ = try await client(files).connect()
            }
            files = certificates.files()
            files.key = certificates.path("names")
            await expectError(.unreachable, "names") { _ = try await client(files).connect() }
        }
    }

    @Test func aServerWithoutTLSIsRefused() async throws {
        try await Self.with { certificates, _, _ in
            let plain = try await FakeEngine(onPort: true) { _ in [] }
            defer { plain.close() }
            let client = EngineClient(
                address: EngineAddress(plain.address.endpoint, tls: certificates.files()),
                timeouts: EngineFailureTests.quick)
            await expectError(.timedOut, "no connection", "0.3 s") { _ = try await client.connect() }
        }
    }
}
#endif
