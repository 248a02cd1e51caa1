/// Tests the traits: a backend in each test, and tests that are skipped or fail where the host lacks
/// something.
import Foundation
import Sandbox
import Testing

@testable import SandboxTesting

@Suite struct TraitTests {
    static let fake = FakeBackend()

    /// In a container with less than `standard` these tests are skipped.
    @Test(.sandboxed, .requires(.standard)) func aProgramRunsOnTheLocalBackend() async throws {
        let backend = try TestBackend.current
        #expect(backend as? LocalBackend === TestBackend.local)
        expect(
            try await backend.run(Command("/bin/echo", ["hello"])), exited: 0, stdout: "hello\n", stderr: "")
    }

    @Test(.sandboxed, .requires(.standard), arguments: 0..<16)
    func manyAtATime(code: Int32) async throws {
        let result = try await TestBackend.current.run(Command("/bin/sh", ["-c", "exit \(code)"]))
        expect(result, exited: code)
    }

    @Test(.sandboxed(by: fake)) func theCallersBackend() throws {
        let backend = try TestBackend.current
        #expect(backend as? FakeBackend === Self.fake)
    }

    @Test func noBackendWithoutTheTrait() async throws {
        await expectError(.invalidArgument) { try TestBackend.current }
    }

    @Suite(.sandboxed(by: fake)) struct InASuite {
        @Test func hasTheSuitesBackend() throws {
            let backend = try TestBackend.current
            #expect(backend as? FakeBackend === TraitTests.fake)
        }
        @Test(.sandboxed) func mayHaveItsOwn() throws {
            let backend = try TestBackend.current
            #expect(backend is LocalBackend)
        }
    }
}

extension HostRequirement {
    static let nowhere = HostRequirement("a blue moon") { "there is none this month" }
    static let anywhere = HostRequirement("air") { nil }
}

@Suite struct RequirementTests {
    /// A trait whose skips stay skips on machines with MUST_WORK=1.
    private static func lenient(_ requirement: HostRequirement) -> RequirementTrait {
        var trait = RequirementTrait.requires(requirement)
        trait.mustWork = false
        return trait
    }

    @Test(lenient(.nowhere)) func isSkipped() { Issue.record("it ran on a host that lacks something") }

    @Test(lenient(.nowhere), arguments: [1, 2]) func isSkippedWithItsArguments(_: Int) {
        Issue.record("it ran on a host that lacks something")
    }

    @Suite(lenient(.nowhere)) struct ASkippedSuite {
        @Test func skipsItsTests() { Issue.record("it ran on a host that lacks something") }
    }

    @Test func nothingLacksNothing() async throws {
        let test = try #require(Test.current)
        var trait = RequirementTrait.requires(.anywhere, .anywhere)
        trait.mustWork = true
        try await trait.prepare(for: test)
    }

    @Test func withMustWorkALackIsAFailure() async throws {
        let test = try #require(Test.current)
        var trait = RequirementTrait.requires(.anywhere, .nowhere)
        trait.mustWork = true
        let strict = trait
        let error = await #expect(throws: RequirementTrait.Unmet.self) { try await strict.prepare(for: test) }
        #expect(
            error?.description == "MUST_WORK=1, but this host lacks a blue moon: there is none this month")
    }

    @Test func levelsAreThoseOfTheHost() async throws {
        let level = await TestBackend.local.capabilities.level
        for (requirement, wanted) in [
            (HostRequirement.minimal, IsolationLevel.minimal), (.standard, .standard), (.strong, .strong),
        ] {
            let reason = await requirement.reasonForLack()
            #expect((reason == nil) == (level >= wanted), "\(requirement): \(reason ?? "not lacking")")
        }
    }

    @Test func aBackendThatRefusesSaysWhy() async throws {
        let refusing = FakeBackend(before: { _ in
            throw SandboxError(.backendUnavailable, message: "no engine")
        })
        let unmet = HostRequirement.backend(refusing)
        let reason = await unmet.reasonForLack()
        #expect(reason?.contains("backendUnavailable: no engine") == true)
        let open = FakeBackend()
        let met = HostRequirement.backend(open)
        #expect(await met.reasonForLack() == nil)
        #expect(open.openSandboxes == 0 && open.acquisitions.count == 1)
    }
}

/// A server on a socket of this process that gives each client one answer.
private final class OneAnswerServer: Sendable {
    let path: String
    private let descriptor: Int32

    init(_ answer: String) throws {
        let path = "/tmp/sandbox-testing-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let bound = withUnsafeBytes(of: &address) {
            bind(descriptor, $0.assumingMemoryBound(to: sockaddr.self).baseAddress!, socklen_t($0.count))
        }
        try #require(descriptor >= 0 && bound == 0 && listen(descriptor, 1) == 0)
        self.path = path
        self.descriptor = descriptor
        Thread.detachNewThread {
            while true {
                let client = accept(descriptor, nil, nil)
                guard client >= 0 else { return }
                var request = [UInt8](repeating: 0, count: 1024)
                _ = recv(client, &request, request.count, 0)
                _ = send(client, answer, answer.utf8.count, Int32(MSG_NOSIGNAL))
                close(client)
            }
        }
    }

    func stop() {
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
        unlink(path)
    }
}

@Suite struct EnginePingTests {
    @Test(arguments: [("HTTP/1.0 200 OK\r\n\r\nOK", true), ("HTTP/1.1 503 No\r\n\r\n", false), ("", false)])
    func anEngineAnswersAsOne(answer: String, isEngine: Bool) async throws {
        let server = try OneAnswerServer(answer)
        defer { server.stop() }
        let reason = await EnginePing.reasonForSilence("unix://" + server.path, wantsTLS: false)
        #expect((reason == nil) == isEngine, "\(reason ?? "answered")")
    }

    @Test(arguments: [
        "unix:///nonexistent/socket", "tcp://127.0.0.1:1", "tcp://[::1]:1/", "ssh://host", "nowhere",
        "unix://" + String(repeating: "x", count: 200),
    ])
    func whereNobodyListens(address: String) async throws {
        #expect(await EnginePing.reasonForSilence(address, wantsTLS: false) != nil)
        #expect(await EnginePing.reasonForSilence(address, wantsTLS: true) != nil)
    }
}
