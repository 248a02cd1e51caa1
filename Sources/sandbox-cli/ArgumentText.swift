/// Carries the command's arguments as bytes through a parser of text.

#if CLI
public import ArgumentParser
public import Sandbox

/// Text that stands for bytes: ASCII as itself, every other byte as one private code point.
///
/// The parser takes `String`s, which cannot hold all bytes, and which it splits at Characters: with a combining mark
/// behind it, the `=` of an option would not be found. No code point of this text joins with another.
enum ArgumentText {
    /// Byte 0x80 is U+10FF80, and so on to U+10FFFF.
    private static let base: UInt32 = 0x10FF00

    /// The process's arguments, without its name.
    static var own: [String] {
        // `CommandLine.arguments` replaces what is not UTF-8.
        (1..<max(1, Int(CommandLine.argc))).compactMap { index in
            CommandLine.unsafeArgv[index].map { text(of: ByteString(argument: $0)) }
        }
    }

    static func text(of bytes: ByteString) -> String {
        var text = ""
        for byte in bytes.bytes {
            text.unicodeScalars.append(
                byte < 0x80 ? Unicode.Scalar(byte) : Unicode.Scalar(base + UInt32(byte))!)
        }
        return text
    }

    /// The bytes that such a text stands for; any other text is its UTF-8.
    static func bytes(of text: String) -> ByteString {
        var bytes: [UInt8] = []
        for scalar in text.unicodeScalars {
            if scalar.value >= base + 0x80 {
                bytes.append(UInt8(scalar.value - base))
            } else {
                bytes += UTF8.encode(scalar)!
            }
        }
        return ByteString(bytes)
    }

    /// A message for people, with such text in it decoded.
    static func readable(_ message: String) -> String { bytes(of: message).description }
}

extension ByteString: ExpressibleByArgument {
    public init?(argument: String) { self = ArgumentText.bytes(of: argument) }

    public var defaultValueDescription: String { description }

    /// Most arguments that are bytes name a file.
    public static var defaultCompletionKind: CompletionKind { .file() }

    fileprivate init(argument: UnsafePointer<CChar>) {
        self.init(
            UnsafeBufferPointer(start: argument, count: Self.length(argument)).map {
                UInt8(bitPattern: $0)
            })
    }

    private static func length(_ text: UnsafePointer<CChar>) -> Int {
        var count = 0
        while text[count] != 0 { count += 1 }
        return count
    }
}
#endif
