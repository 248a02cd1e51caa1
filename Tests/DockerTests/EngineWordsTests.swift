/// Tests the parsing of an engine's answers (objects split anywhere, error messages, versions), and the
/// requests.

#if Docker
import Foundation
import NIOCore
import Sandbox
import Testing

@testable import SandboxDocker

@Suite struct EngineWordsTests {
    static let objects = [#"{"a":1}"#, #"{"b":"}{\"\\"}"#, #"{"c":{"d":[{}]}}"#, "{}"]

    @Test func splitsObjectsAnywhere() throws {
        let bytes = Array(
            (Self.objects[0] + Self.objects[1] + "\r\n" + Self.objects[2] + " \n" + Self.objects[3]).utf8)
        for cut in 0...bytes.count {
            var splitter = JSONObjectSplitter()
            let found =
                try splitter.split(ByteBuffer(bytes: bytes[..<cut]))
                + splitter.split(ByteBuffer(bytes: bytes[cut...]))
            #expect(found.map { String(buffer: $0) } == Self.objects, "at \(cut)")
            #expect(splitter.isBetweenObjects)
        }
        var splitter = JSONObjectSplitter()
        let found = try bytes.flatMap { try splitter.split(ByteBuffer(bytes: [$0])) }
        #expect(found.map { String(buffer: $0) } == Self.objects)
    }

    @Test func boundsObjects() throws {
        var splitter = JSONObjectSplitter(maximumSize: 10)
        #expect(try splitter.split(ByteBuffer(string: #"{"a":"12"}"#)).count == 1)
        #expect(throws: JSONObjectSplitter.Failure.tooLarge) {
            for _ in 0..<3 { _ = try splitter.split(ByteBuffer(string: #"{"a":"#)) }
        }
        #expect(!splitter.isBetweenObjects)
    }

    @Test(arguments: ["[1]", "null", "x{}", "}", "<html>"]) func refusesWhatIsNoObject(_ text: String) {
        var splitter = JSONObjectSplitter()
        #expect(throws: JSONObjectSplitter.Failure.notAnObject) {
            _ = try splitter.split(ByteBuffer(string: text))
        }
    }

    static let words: [(String, String)] = [
        (#"{"message":"No such image: a:latest"}"#, "No such image: a:latest"),
        (#"{"cause":"no such image","message":"a: no such image","response":404}"#, "a: no such image"),
        (#"{"cause":"disk full","message":"cannot write","response":500}"#, "cannot write: disk full"),
        ("page not found\n", "page not found"), ("", "HTTP status 500 Oops"),
        (" \n", "HTTP status 500 Oops"),
        (#"{"message":""}"#, "HTTP status 500 Oops"), (#"{"message":7}"#, #"{"message":7}"#),
        ("{\"message\":\"a\\u001b[31mb\\u0000\\nc\"}", "a [31mb \nc"),
    ]

    @Test(arguments: words) func keepsTheWordsOfAnError(_ body: String, _ expected: String) {
        let error = EngineError.refusal(
            status: 500, reason: "Oops", body: ByteBuffer(string: body), operation: "GET /x")
        #expect(error.message == expected)
        #expect(error.kind == .refused(status: 500) && error.status == 500)
        let told = error.sandboxError()
        #expect(told.code == .engineRefused && told.message == expected && told.stage == "GET /x")
    }

    @Test func boundsWords() {
        for text in [String(repeating: "x", count: 100_000), String(repeating: "é", count: 50_000)] {
            for body in [text, #"{"message":"\#(text)"}"#] {
                let words = EngineError.words(ByteBuffer(string: body))
                #expect(words.utf8.count <= EngineError.maximumMessage + 3 && words.hasSuffix("…"))
            }
        }
    }

    @Test(arguments: [
        (EngineError.Kind.unreachable, SandboxError.Code.backendUnavailable),
        (.timedOut, .backendUnavailable), (.interrupted, .backendUnavailable),
        (.refused(status: 404), .engineRefused), (.malformedAnswer, .engineRefused), (.closed, .shutDown),
        (.cancelled, .cancelled),
    ]) func hasACode(_ kind: EngineError.Kind, _ code: SandboxError.Code) {
        let error = EngineError(kind, operation: "GET /x", message: "words")
        #expect(error.sandboxError().code == code)
        let changed = error.sandboxError(code: .imageUnavailable, hint: "pull it")
        #expect(
            changed.code == .imageUnavailable && changed.hint == "pull it" && changed.message == "words")
    }

    @Test(
        arguments: [
            ("1.41", "1.12", "1.41"), ("1.51", "1.24", "1.51"), ("1.99", "1.44", "1.51"),
            ("1.40", nil, "1.40"),
            ("1.41", "what", "1.41"), ("2.0", "1.51", "1.51"),
        ] as [(String, String?, String)]) func agreesOnAVersion(
            _ newest: String, _ oldest: String?, _ expected: String
        ) throws
    {
        let agreed = try EngineClient.agree(newest: newest, oldest: oldest, operation: "GET /version")
        #expect(agreed.description == expected)
    }

    @Test(
        arguments: [
            ("1.39", "1.12", "1.40 is needed"), ("1.9", nil, "1.40 is needed"), ("1.99", "1.52", "1.52"),
            ("new", nil, "'new'"), ("", nil, "''"), ("1.-4", nil, "'1.-4'"),
        ] as [(String, String?, String)]) func refusesAVersion(
            _ newest: String, _ oldest: String?, _ words: String
        )
    {
        let error = #expect(throws: EngineError.self) {
            try EngineClient.agree(newest: newest, oldest: oldest, operation: "GET /version")
        }
        #expect(error?.message.contains(words) ?? false, "\(error?.message ?? "")")
    }

    /// The defaults are the strictest, and properties that are not set are left out.
    @Test func describesAContainer() throws {
        var spec = ContainerSpec(image: "a")
        spec.memory = 64 << 20
        spec.mounts = [.init(source: "volume", target: "/x")]
        let body = try EngineJSON.encode(spec, operation: "")
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(body.readableBytesView)) as? [String: Any])
        let host = try #require(object["HostConfig"] as? [String: Any])
        #expect(host["NetworkMode"] as? String == "none")
        #expect(host["ReadonlyRootfs"] as? Bool == true && host["CapDrop"] as? [String] == ["ALL"])
        #expect(host["SecurityOpt"] as? [String] == ["no-new-privileges"])
        #expect((host["LogConfig"] as? [String: String]) == ["Type": "none"])
        #expect(host["Memory"] as? Int == 64 << 20)
        #expect(((host["Mounts"] as? [[String: Any]])?.first?["ReadOnly"] as? Bool) == true)
        #expect(object["Cmd"] == nil && object["User"] == nil && host["PidsLimit"] == nil)
        #expect(host["Privileged"] == nil && host["Binds"] == nil && host["MaskedPaths"] == nil)
    }

    @Test func describesTheShareOfProcessors() throws {
        func host(_ cpus: Double?) throws -> [String: Any] {
            let spec = ContainerPlan.spec(
                ContainerKey(image: "a", rootfs: .readOnly), volume: "v", labels: [:],
                limits: ContainerLimits(Limits(cpus: cpus)), isPodman: false)
            let body = try EngineJSON.encode(spec, operation: "")
            let object =
                try JSONSerialization.jsonObject(with: Data(body.readableBytesView)) as? [String: Any]
            return try #require(object?["HostConfig"] as? [String: Any])
        }
        #expect(try host(nil)["CpuQuota"] == nil && host(nil)["CpuPeriod"] == nil)
        for (cpus, quota) in [(0.01, 1000), (0.5, 50_000), (1.5, 150_000), (64, 6_400_000)] {
            let host = try host(cpus)
            #expect(host["CpuQuota"] as? Int == quota && host["CpuPeriod"] as? Int == 100_000)
        }
        let half = ContainerLimits(Limits(cpus: 0.5))
        #expect(half.fit(Limits(cpus: 0.5), held: 0) && !half.fit(Limits(), held: 0))
        #expect(
            !half.fit(Limits(cpus: 1), held: 0)
                && !ContainerLimits(Limits()).fit(Limits(cpus: 1), held: 0))
    }

    @Test func writesDurationsForPeople() {
        #expect(Duration.seconds(2).words == "2 s")
        #expect(Duration.milliseconds(250).words == "0.25 s")
        #expect(Duration.milliseconds(1001).words == "1.001 s")
    }
}
#endif
