/// Finds the media type of a collected file.

#if CLI
import Sandbox

enum MediaType {
    static let unknown = "application/octet-stream"

    /// By the name's suffix; for an unknown suffix, by the first bytes.
    static func of(name: ByteString, bytes: [UInt8]) -> String {
        bySuffix[suffix(of: name)] ?? byMagic(bytes) ?? unknown
    }

    private static let bySuffix = [
        "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "svg": "image/svg+xml",
        "pdf": "application/pdf", "txt": "text/plain", "csv": "text/csv", "json": "application/json",
        "html": "text/html", "htm": "text/html",
    ]

    private static func byMagic(_ bytes: [UInt8]) -> String? {
        if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) { return "image/png" }
        if bytes.starts(with: [0xFF, 0xD8, 0xFF]) { return "image/jpeg" }
        if bytes.starts(with: "%PDF-".utf8) { return "application/pdf" }
        if bytes.starts(with: "<svg".utf8) { return "image/svg+xml" }
        return nil
    }

    /// The lower-case part after the last component's last dot; empty for none and for `.hidden`.
    static func suffix(of name: ByteString) -> String {
        let last = name.parts.last?.bytes ?? []
        guard let dot = last.lastIndex(of: UInt8(ascii: ".")), dot > 0 else { return "" }
        return ByteString(last[(dot + 1)...]).text.lowercased()
    }
}
#endif
