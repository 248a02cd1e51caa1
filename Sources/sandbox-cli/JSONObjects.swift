/// The objects that `--json` prints, key by key as the contract names them (`schemaVersion` 1).

#if CLI
import FoundationEssentials
import Sandbox
import SandboxRuntime

/// Encodes `nil` as `null` instead of leaving the key out.
@propertyWrapper
struct Nullable<Value: Encodable>: Encodable {
    var wrappedValue: Value?

    init(wrappedValue value: Value?) { wrappedValue = value }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let wrappedValue { try container.encode(wrappedValue) } else { try container.encodeNil() }
    }
}

/// The top-level object of a run, and of a compilation that did not succeed.
struct RunObject: Encodable {
    let schemaVersion = 1
    @Nullable var outcome: OutcomeObject?
    var limitsHit: [String]
    var deniedSyscalls: [String]
    var stdout: String
    var stderr: String
    /// The exact bytes, present only where the text differs from them.
    var stdoutBase64: String?
    var stderrBase64: String?
    var stdoutTruncated: Bool
    var stderrTruncated: Bool
    @Nullable var usage: UsageObject?
    var limits: LimitsObject
    var backend: BackendObject
    var isolation: IsolationObject
    @Nullable var compile: CompileObject?
}

struct OutcomeObject: Encodable {
    var kind: String
    var code: Int32?
    var signal: Int32?
    var name: String?
    var limit: String?
    var syscall: String?

    init(_ outcome: Outcome) {
        switch outcome {
        case .exited(let code):
            kind = "exited"
            self.code = code
        case .signaled(let signal):
            kind = "signaled"
            self.signal = signal
            name = SignalName.of(signal)
        case .limitExceeded(let limit):
            kind = "limitExceeded"
            self.limit = limit.rawValue
        case .blockedSyscall(let syscall):
            kind = "blockedSyscall"
            self.syscall = syscall
        }
    }
}

struct UsageObject: Encodable {
    var wallSeconds: Double
    var cpuSeconds: Double
    var userSeconds: Double
    var systemSeconds: Double
    var cpuSource: String
    var peakMemoryBytes: Int
    var residentPeakBytes: Int
    var memorySource: String
    /// The largest error of the two figures above, in bytes.
    var memoryResolutionBytes: Int
    var peakProcesses: Int

    init(_ usage: Usage) {
        wallSeconds = Seconds.value(usage.wallTime)
        cpuSeconds = Seconds.value(usage.cpuTime)
        userSeconds = Seconds.value(usage.userTime)
        systemSeconds = Seconds.value(usage.systemTime)
        cpuSource = usage.cpuSource.rawValue
        peakMemoryBytes = usage.peakMemory
        residentPeakBytes = usage.residentPeak
        memorySource = usage.memorySource.rawValue
        memoryResolutionBytes = usage.memoryResolution
        peakProcesses = usage.peakProcesses
    }
}

struct LimitsObject: Encodable {
    private let limits: Limits

    init(_ limits: Limits) { self.limits = limits }

    func encode(to encoder: any Encoder) throws {
        var object = encoder.container(keyedBy: LimitKey.self)
        for limit in LimitDescription.all { try limit.encode(limits, to: &object) }
    }
}

struct BackendObject: Encodable {
    var kind: String
    var requested: String
    @Nullable var fallbackReason: String?
    var instance: String
    var sandbox: String
    var image: String
    @Nullable var imageDigest: String?
    @Nullable var engine: EngineObject?
    var attempt: Int
    var library: String
    var hostPid: Int32

    init(_ provenance: Provenance) {
        kind = provenance.kind.rawValue
        requested = provenance.requested
        _fallbackReason = Nullable(wrappedValue: provenance.fallbackReason)
        instance = provenance.instance
        sandbox = provenance.sandbox
        image = provenance.image
        _imageDigest = Nullable(wrappedValue: provenance.imageDigest)
        _engine = Nullable(wrappedValue: provenance.engine.map(EngineObject.init))
        attempt = provenance.attempt
        library = provenance.library
        hostPid = provenance.hostPID
    }
}

struct EngineObject: Encodable {
    var id: String
    var address: String

    init(_ engine: Provenance.Engine) { (id, address) = (engine.id, engine.address) }
}

struct IsolationObject: Encodable {
    var level: String
    var layers: [String]
    var missing: [String]
    var cgroup: String
    var reasons: [String]
    var holes: [String]

    init(_ report: IsolationReport) {
        level = report.level.rawValue
        layers = report.layers.map(\.rawValue)
        missing = report.missing.map(\.rawValue)
        cgroup = report.cgroup.rawValue
        reasons = report.reasons
        holes = report.holes
    }
}

/// A collected file. Where a name is not UTF-8, its exact bytes are beside the text.
struct FileObject: Encodable {
    var bytes: Int
    var mediaType: String
    var path: String
    var pathBase64: String?
    var nameBase64: String?

    init(name: ByteString, bytes: Int, mediaType: String, path: ByteString) {
        self.bytes = bytes
        self.mediaType = mediaType
        (self.path, pathBase64) = JSONText.text(path.bytes)
        nameBase64 = JSONText.text(name.bytes).base64
    }
}

/// A compilation, successful or not.
struct CompileObject: Encodable {
    var outcome: OutcomeObject
    var stdout: String
    var stderr: String
    var stdoutBase64: String?
    var stderrBase64: String?
    var usage: UsageObject
    var diagnostics: [DiagnosticObject]
}

/// One message of the compiler.
struct DiagnosticObject: Encodable {
    var file: String
    @Nullable var line: Int?
    @Nullable var column: Int?
    var severity: String
    var message: String
    @Nullable var option: String?
}

/// The top-level object when the sandbox failed.
struct ErrorReportObject: Encodable {
    let schemaVersion = 1
    var error: ErrorObject
    var backend: BackendObject
}

struct ErrorObject: Encodable {
    var code: String
    @Nullable var stage: String?
    var errno: Int32
    var message: String
    @Nullable var hint: String?
    /// What the exit status would be without `--json`: 126 and 127 as in a shell, 128 + signal, else 125.
    var exitStatus: Int32

    init(_ error: SandboxError, status: Int32) {
        exitStatus = status
        code = error.code.rawValue
        _stage = Nullable(wrappedValue: error.stage)
        errno = error.errno
        message = error.message
        _hint = Nullable(wrappedValue: error.hint)
    }
}

/// The object of `sandbox doctor --json`.
struct HostObject: Encodable {
    struct Layer: Encodable {
        var name: String
        var available: Bool
        var detail: String
        @Nullable var mend: String?
    }

    struct Disturbance: Encodable {
        var name: String
        var present: Bool
        var detail: String
        @Nullable var mend: String?
    }

    let schemaVersion = 1
    var kernel: String
    var machine: String
    /// The strongest level that works here.
    @Nullable var level: String?
    var cgroup: String
    var layers: [Layer]
    var disturbances: [Disturbance]

    init(_ report: HostReport) {
        kernel = report.kernel
        machine = report.machine
        _level = Nullable(wrappedValue: report.level?.rawValue)
        cgroup = report.cgroup.rawValue
        layers = report.entries.map {
            Layer(name: $0.name, available: $0.isAvailable, detail: $0.detail, mend: $0.mend)
        }
        disturbances = report.disturbances.map {
            Disturbance(name: $0.name, present: $0.isPresent, detail: $0.detail, mend: $0.mend)
        }
    }
}

enum JSONText {
    /// One line of JSON with sorted keys, and the newline.
    static func encode(_ object: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(object)) + [UInt8(ascii: "\n")]
    }

    /// The object of a run with its key `files`, one key for each name.
    ///
    /// Built without the encoder: its keys are `String`s, and names that differ only in composition would be
    /// one key.
    static func encode(_ object: RunObject, files: [ByteString: FileObject]) throws -> [UInt8] {
        var entries: [[UInt8]] = []
        var used: Set<ByteString> = []
        for (name, file) in files.sorted(by: { $0.key < $1.key }) {
            // Two names that are not UTF-8 can have the same text; `nameBase64` distinguishes them.
            var key = ByteString(name.text)
            var number = 1
            while !used.insert(key).inserted {
                number += 1
                key = ByteString("\(name.text) (\(number))")
            }
            entries.append(try line(key.text) + [UInt8(ascii: ":")] + line(file))
        }
        let whole = try line(object)
        let list = Array("{".utf8) + entries.joined(separator: Array(",".utf8)) + Array("}".utf8)
        return whole.dropLast() + Array(",\"files\":".utf8) + list + Array("}\n".utf8)
    }

    private static func line(_ object: some Encodable) throws -> [UInt8] {
        try encode(object).dropLast()
    }

    /// The bytes as text, and as Base64 too where they are not UTF-8.
    static func text(_ bytes: [UInt8]) -> (text: String, base64: String?) {
        if let exact = String(validating: bytes, as: UTF8.self) { return (exact, nil) }
        return (String(decoding: bytes, as: UTF8.self), Data(bytes).base64EncodedString())
    }
}
#endif
