/// Encodes and decodes JSON with typed errors; the only file that uses a JSON library.

#if Docker
import NIOCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Encodes requests and decodes answers.
enum EngineJSON {
    /// - Throws: `.malformedAnswer`, with the place where the answer is not as expected.
    static func decode<Value: Decodable>(
        _ type: Value.Type, from body: ByteBuffer, operation: String
    ) throws(EngineError) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(body.readableBytesView))
        } catch {
            throw EngineError(
                .malformedAnswer, operation: operation,
                message: EngineError.bounded("the answer is not the JSON expected: \(error)"))
        }
    }

    static func decodeIfPossible<Value: Decodable>(_ type: Value.Type, from body: ByteBuffer) -> Value? {
        try? JSONDecoder().decode(type, from: Data(body.readableBytesView))
    }

    static func encode(_ value: some Encodable, operation: String) throws(EngineError) -> ByteBuffer {
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return ByteBuffer(bytes: try encoder.encode(value))
        } catch {
            throw EngineError(
                .malformedAnswer, operation: operation, message: "the request is no JSON: \(error)")
        }
    }
}
#endif
