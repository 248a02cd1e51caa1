/// Tests the parsing of images' names.

#if Docker
import Sandbox
import Testing

@testable import SandboxDocker

@Suite struct EngineImageNameTests {
    static let hex = String(repeating: "0123456789abcdef", count: 4)

    /// Text, registry, repository, tag, digest, and the name for a pull.
    static let valid: [(String, String?, String, String?, String?, String)] = [
        ("python", nil, "python", nil, nil, "latest"),
        ("python:3.12-slim", nil, "python", "3.12-slim", nil, "3.12-slim"),
        ("library/python", nil, "library/python", nil, nil, "latest"),
        ("a.example/b/c:d", "a.example", "b/c", "d", nil, "d"),
        ("localhost/b", "localhost", "b", nil, nil, "latest"),
        ("localhost:5000/b", "localhost:5000", "b", nil, nil, "latest"),
        ("127.0.0.1:5000/b:1", "127.0.0.1:5000", "b", "1", nil, "1"),
        ("a:5000/b/c:1@sha256:\(hex)", "a:5000", "b/c", "1", "sha256:\(hex)", "sha256:\(hex)"),
        ("b@sha256:\(hex)", nil, "b", nil, "sha256:\(hex)", "sha256:\(hex)"),
        ("a__b/c-d--e.f_g:_x", nil, "a__b/c-d--e.f_g", "_x", nil, "_x"),
    ]

    @Test(arguments: valid) func isRead(
        _ text: String, _ registry: String?, _ repository: String, _ tag: String?, _ digest: String?,
        _ pulled: String
    ) throws {
        let name = try ImageName(parsing: text)
        #expect(name.registry == registry && name.repository == repository)
        #expect(name.tag == tag && name.digest == digest && !name.isIdentifier)
        #expect(name.tagOrDigest == pulled)
        #expect(name.description == text)
    }

    @Test func idsAreNoNames() throws {
        let name = try ImageName(parsing: "sha256:\(Self.hex)")
        #expect(name.isIdentifier && name.description == "sha256:\(Self.hex)")
    }

    @Test(arguments: [
        "", "Python", "a b", "a//b", "/a", "a/", "a:", "a:b c", "a:.x", "a:-x", "a@", "a@sha256:abc",
        "a@b@sha256:\(hex)", "-a", "a-", "a..b", "a___b", "a._b", "a:5000:b", "a.b:x/c", "a.b:70000/c",
        "-a.b/c", "a\nb", "ä", "../a", "a/../b", "a?b", "a#b", "a%41",
        "a:" + String(repeating: "t", count: 129), String(repeating: "a", count: 256),
    ]) func isRefused(_ text: String) {
        let error = #expect(throws: SandboxError.self) { try ImageName(parsing: text) }
        #expect(error?.code == .invalidArgument)
    }

    @Test func namesStayOnePartOfAPath() {
        #expect(EngineRequest.segment("a/../b?c#d%e f") == "a%2F..%2Fb%3Fc%23d%25e%20f")
        #expect(EngineRequest.imageSegment("a.b:1/c@d:e?f") == "a.b:1/c@d:e%3Ff")
    }
}
#endif
