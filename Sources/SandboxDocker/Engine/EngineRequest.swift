/// One request to an engine and its answer, as values.

#if Docker
import NIOCore
import NIOHTTP1

/// A request to an engine.
struct EngineRequest: Sendable {
    enum Body: Sendable {
        case none
        case bytes(ByteBuffer, type: String)
        /// A file, sent piece by piece.
        case file(path: String, type: String)
    }

    /// How long an answer may take.
    enum Patience: Sendable {
        case total(Duration)
        /// No longer than this between two signs of life.
        case silence(Duration)
        case forever
    }

    var method: HTTPMethod
    /// The path without the version; its parts are encoded by ``segment(_:)``.
    var path: String
    var query: [(String, String)] = []
    var body: Body = .none
    var patience: Patience
    /// Whether sending the request twice does no harm. Only such a request is sent on a reused connection,
    /// which the engine may be closing at that moment.
    var isRepeatable = false
    /// The handler of the connection's bytes once it belongs to a container.
    var attachment: (any AttachedStreamHandler)?

    /// The request as text, for an error.
    var operation: String { "\(method.rawValue) \(path)" }

    func target(apiVersion: String?) -> String {
        var target = (apiVersion.map { "/v\($0)" } ?? "") + path
        for (index, (name, value)) in query.enumerated() {
            target += (index == 0 ? "?" : "&") + name + "=" + Self.encode(value, keeping: "")
        }
        return target
    }

    /// A name or id as one part of a path.
    static func segment(_ text: String) -> String { encode(text, keeping: "") }

    /// An image's name as the part of a path that may hold slashes.
    static func imageSegment(_ text: String) -> String { encode(text, keeping: "/:@") }

    private static func encode(_ text: String, keeping kept: StaticString) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        let kept = kept.withUTF8Buffer { Array($0) }
        var encoded: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                encoded.append(byte)
            case _ where kept.contains(byte): encoded.append(byte)
            default: encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }
}

/// An engine's answer.
struct EngineAnswer: Sendable {
    /// The largest accepted body, in bytes.
    static let maximumBody = 16 << 20
    /// The largest part of an error's body that is kept, in bytes.
    static let maximumErrorBody = 64 << 10

    var status: Int
    var reason: String
    var headers: HTTPHeaders
    var body: ByteBuffer
    /// The connection, if the request was to attach and succeeded.
    var stream: AttachedStream?

    var isSuccess: Bool { (200..<300).contains(status) }
}
#endif
