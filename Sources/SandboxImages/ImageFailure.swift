/// The error that all of this module throws internally; the public interface converts it to `SandboxError`.

import Glibc
import SandboxAPI
import SandboxRuntime

/// Why an image cannot be used, and where in the image that was found.
struct ImageFailure: Error {
    /// The cause, as the end of a sentence that begins with the entry or the file.
    var reason: String
    /// The name of the archive's entry, as stored there.
    var entry: [UInt8]?
    /// The layer it was found in, from 1.
    var layer: Int?
    var hint: String?
    /// The system's error number, or 0.
    var errno: Int32 = 0
    var code = SandboxError.Code.imageUnavailable

    init(
        _ reason: String, entry: [UInt8]? = nil, hint: String? = nil, errno: Int32 = 0,
        code: SandboxError.Code = .imageUnavailable
    ) {
        self.reason = reason
        self.entry = entry
        self.hint = hint
        self.errno = errno
        self.code = code
    }

    /// A system call that failed with `errno`.
    ///
    /// - Parameter doing: completes "cannot …", such as "write".
    init(errno number: Int32, _ doing: String, entry: [UInt8]? = nil) {
        let hint: String? =
            switch number {
            case ENOSPC, EDQUOT: "make room there, or put the cache elsewhere with SANDBOX_CACHE"
            case EMFILE, ENFILE: "raise the limit of open files (ulimit -n)"
            default: nil
            }
        self.init("cannot \(doing): \(describe(errno: number))", entry: entry, hint: hint, errno: number)
    }

    /// What the archive's parser says.
    init(_ failure: TarFailure) { self.init(failure.reason, entry: failure.entry, hint: failure.hint) }

    static let outOfMemory = ImageFailure("no memory is left", errno: ENOMEM)
    static let cancelled = ImageFailure("preparing it was cancelled", code: .cancelled)

    /// The same failure with the entry's name.
    func at(entry name: [UInt8]) -> ImageFailure {
        var failure = self
        if failure.entry == nil { failure.entry = name }
        return failure
    }

    func at(layer number: Int) -> ImageFailure {
        var failure = self
        if failure.layer == nil { failure.layer = number }
        return failure
    }
}

extension SandboxError {
    /// - Parameter image: the image's name as the caller gave it.
    init(_ failure: ImageFailure, image: String) {
        var subject = "image \(Validation.quoted(image))"
        if let layer = failure.layer { subject += ", layer \(layer)" }
        if let entry = failure.entry { subject += ", entry \(ByteName.quoted(entry))" }
        self.init(
            failure.code, stage: "image", errno: failure.errno, message: "\(subject): \(failure.reason)",
            hint: failure.hint)
    }
}

/// Conversion of file names, which are bytes, to text for people.
enum ByteName {
    private static let shownBytes = 256

    /// Text for messages: short, with control characters and bytes that are not UTF-8 made visible.
    static func quoted(_ name: [UInt8]) -> String {
        let shown = Array(name.prefix(shownBytes))
        let end = name.count > shownBytes ? "…" : ""
        if let text = String(validating: shown, as: UTF8.self) {
            return "\"" + text.unicodeScalars.map { $0.escaped(asASCII: false) }.joined() + end + "\""
        }
        let digits = Array("0123456789abcdef")
        let text = shown.map { byte -> String in
            if byte < 0x80 { return Unicode.Scalar(byte).escaped(asASCII: true) }
            return "\\x\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
        }
        return "\"" + text.joined() + end + "\""
    }
}

extension [UInt8] {
    /// Calls `body` with the bytes as a C string. The caller ensures that they contain no NUL.
    func withPath<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: count + 1) { buffer in
            for (index, byte) in enumerated() { buffer[index] = CChar(bitPattern: byte) }
            buffer[count] = 0
            return body(UnsafePointer(buffer.baseAddress!))
        }
    }
}

extension BlockingThread {
    /// Runs `body` on a new thread; that there can be none is a failure, too.
    static func run<Value: Sendable>(
        _ body: @escaping @Sendable () -> Result<Value, ImageFailure>
    ) async -> Result<Value, ImageFailure> {
        await run(body) { ImageFailure(errno: $0, "start a thread") }
    }
}
