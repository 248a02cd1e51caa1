/// Parses the name of an image as engines do.

#if Docker
import SandboxAPI
import SandboxRuntime

/// As `registry:5000/path/name:tag@sha256:…`, or an image's id. Registry, tag and digest may be missing.
package struct ImageName: Sendable, Hashable, CustomStringConvertible {
    /// The host, with its port if there is one.
    package var registry: String?
    /// The path within the registry; `sha256:…` for an id.
    package var repository: String
    package var tag: String?
    /// As `sha256:…`.
    package var digest: String?
    /// Whether this is the id of an image, which cannot be pulled.
    package var isIdentifier: Bool

    /// - Throws: `.invalidArgument`, with the value and what is wrong with it.
    package init(parsing text: String) throws(SandboxError) {
        func fail(_ reason: String) -> SandboxError {
            SandboxError(
                .invalidArgument,
                message: "'\(EngineError.bounded(text))' is no name of an image: \(reason)")
        }
        guard !text.isEmpty, text.utf8.count <= 512 else { throw fail("it has 1 to 512 bytes") }
        if Self.isIdentifier(text) {
            (repository, isIdentifier) = (text, true)
            return
        }
        isIdentifier = false
        var rest = Substring(text)
        if let at = rest.lastIndex(of: "@") {
            let digest = rest[rest.index(after: at)...]
            guard Self.isDigest(digest) else { throw fail("behind the @ is no digest") }
            self.digest = String(digest)
            rest = rest[..<at]
        }
        // A colon before the last slash belongs to the registry's port.
        let lastPart = rest.lastIndex(of: "/").map { rest.index(after: $0) } ?? rest.startIndex
        if let colon = rest[lastPart...].firstIndex(of: ":") {
            let tag = rest[rest.index(after: colon)...]
            guard Self.isTag(tag) else { throw fail("behind the colon is no tag") }
            self.tag = String(tag)
            rest = rest[..<colon]
        }
        if let slash = rest.firstIndex(of: "/") {
            let first = rest[..<slash]
            if first == "localhost" || first.contains(where: { $0 == "." || $0 == ":" }) {
                guard Self.isRegistry(first) else { throw fail("'\(first)' is no host") }
                registry = String(first)
                rest = rest[rest.index(after: slash)...]
            }
        }
        let parts = rest.split(separator: "/", omittingEmptySubsequences: false)
        guard rest.utf8.count <= 255, parts.allSatisfy(Self.isPathPart) else {
            throw fail("a name has lower case letters, digits, and . _ - / between them")
        }
        repository = String(rest)
    }

    package var description: String {
        (registry.map { $0 + "/" } ?? "") + repository + (tag.map { ":" + $0 } ?? "")
            + (digest.map { "@" + $0 } ?? "")
    }

    /// The name without tag and digest, for a pull.
    package var name: String { (registry.map { $0 + "/" } ?? "") + repository }

    /// What to pull: the digest, else the tag, else `latest`. Without any, some engines pull every tag.
    package var tagOrDigest: String { digest ?? tag ?? "latest" }

    /// The name with the tag or digest that is pulled, also where that is the default.
    package var exactName: String { tag == nil && digest == nil ? "\(self):latest" : description }

    private static func isIdentifier(_ text: String) -> Bool {
        text.hasPrefix("sha256:") && text.utf8.count == 7 + 64 && text.utf8.dropFirst(7).allSatisfy(isHex)
    }

    private static func isHex(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
    }

    private static func isLowerOrDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte)
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        isLowerOrDigit(byte) || (0x41...0x5A).contains(byte) || byte == UInt8(ascii: "_")
    }

    private static func isDigest(_ text: Substring) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 2 && !parts[0].isEmpty && parts[0].utf8.allSatisfy(isLowerOrDigit)
            && (32...256).contains(parts[1].utf8.count) && parts[1].utf8.allSatisfy(isHex)
    }

    private static func isTag(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, isWord(first), text.utf8.count <= 128 else { return false }
        return text.utf8.allSatisfy { isWord($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
    }

    private static func isRegistry(_ text: Substring) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2, !parts[0].isEmpty else { return false }
        let isHost = parts[0].split(separator: ".", omittingEmptySubsequences: false).allSatisfy {
            label in
            !label.isEmpty && label.first != "-" && label.last != "-"
                && label.utf8.allSatisfy {
                    $0 != UInt8(ascii: "_") && isWord($0) || $0 == UInt8(ascii: "-")
                }
        }
        guard parts.count == 2 else { return isHost }
        return isHost && Int(parts[1]).map { (1...65535).contains($0) } ?? false
    }

    /// Letters and digits, with one separator at a time between them: `.`, `_`, `__` or any number of `-`.
    private static func isPathPart(_ text: Substring) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, let last = bytes.last, isLowerOrDigit(first), isLowerOrDigit(last)
        else { return false }
        return bytes.split(whereSeparator: isLowerOrDigit).allSatisfy { separator in
            separator == [UInt8(ascii: ".")] || separator == [UInt8(ascii: "_")]
                || separator == [UInt8(ascii: "_"), UInt8(ascii: "_")]
                || separator.allSatisfy { $0 == UInt8(ascii: "-") }
        }
    }
}
#endif
