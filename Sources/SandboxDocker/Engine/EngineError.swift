/// The failures between this library and an engine; the engine's own text is kept.

#if Docker
package import NIOCore
import SandboxAPI
import SandboxRuntime

/// A failed request of the Engine API.
package struct EngineError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure.
    package enum Kind: Sendable, Hashable {
        /// No connection to the engine could be made.
        case unreachable
        /// Neither an error nor an answer came in time.
        case timedOut
        /// The engine answered with an error; 200 if the error came within a stream.
        case refused(status: Int)
        /// The answer does not conform to the Engine API, or exceeds a bound.
        case malformedAnswer
        /// The connection ended before the answer was complete.
        case interrupted
        /// This side's client was closed.
        case closed
        /// The task was cancelled.
        case cancelled
    }

    /// The largest part of the engine's text that is kept, in bytes.
    package static let maximumMessage = 4096

    package var kind: Kind
    /// The request, as `POST /containers/create`.
    package var operation: String
    /// The engine's own text, if it sent any.
    package var message: String

    package init(_ kind: Kind, operation: String, message: String) {
        self.kind = kind
        self.operation = operation
        self.message = message
    }

    package var description: String { "\(operation): \(message)" }

    /// The HTTP status if the engine refused, else nil.
    package var status: Int? {
        if case .refused(let status) = kind { status } else { nil }
    }

    /// Converts the error for the library's user.
    ///
    /// - Parameters:
    ///   - code: nil for the usual code of this kind.
    ///   - hint: nil for the usual hint of this kind.
    package func sandboxError(code: SandboxError.Code? = nil, hint: String? = nil) -> SandboxError {
        SandboxError(
            code ?? usualCode, stage: operation, message: message, hint: hint ?? usualHint)
    }

    private var usualCode: SandboxError.Code {
        switch kind {
        case .unreachable, .timedOut, .interrupted: .backendUnavailable
        case .refused, .malformedAnswer: .engineRefused
        case .closed: .shutDown
        case .cancelled: .cancelled
        }
    }

    private var usualHint: String? {
        switch kind {
        case .unreachable:
            "is the engine running, and may this user open its socket? DOCKER_HOST names another one"
        default: nil
        }
    }
}

extension EngineError {
    /// Makes an error of an answer with `status` and `body`.
    package static func refusal(
        status: Int, reason: String, body: ByteBuffer, operation: String
    ) -> EngineError {
        let words = words(body)
        return EngineError(
            .refused(status: status), operation: operation,
            message: words.isEmpty ? bounded("HTTP status \(status) \(reason)") : words)
    }

    /// The text in the body of an engine's error: Docker's `message`, or Podman's with its `cause`.
    package static func words(_ body: ByteBuffer) -> String {
        struct Words: Decodable {
            var message: String?
            var cause: String?
        }
        if let words = EngineJSON.decodeIfPossible(Words.self, from: body), let message = words.message {
            guard let cause = words.cause, !message.contains(cause) else { return bounded(message) }
            return bounded("\(message): \(cause)")
        }
        return bounded(
            String(
                buffer: body.getSlice(at: body.readerIndex, length: min(body.readableBytes, 8192)) ?? body
            ))
    }

    /// `text` cut to ``maximumMessage``, without spaces around it or control characters in it.
    package static func bounded(_ text: String) -> String {
        var kept = ""
        var size = 0
        for scalar in text.unicodeScalars.drop(while: \.properties.isWhitespace) {
            size += UTF8.width(scalar)
            if size > maximumMessage { return kept + "…" }
            let isControl = scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
            kept.unicodeScalars.append(isControl && scalar != "\n" ? " " : scalar)
        }
        while kept.last?.isWhitespace ?? false { kept.removeLast() }
        return kept
    }
}
#endif
