/// Lays out the list of unpacked archives for a person.

#if CLI
import Sandbox

enum ImageTable {
    /// So many digits of a digest are shown, as docker does.
    private static let shownDigits = 12

    /// - Parameter now: the time since 1970.
    static func render(_ images: [CachedImage], now: Duration) -> String {
        if images.isEmpty { return "no archive is unpacked\n" }
        let rows = images.map { image in
            [
                digits(image), ByteSize.brief(image.bytes), Age.describe(now - image.lastUsed), state(image),
                image.source.map(TerminalText.visible) ?? "-",
            ]
        }
        return PoolTable.table([["digest", "size", "last used", "state", "archive"]] + rows)
    }

    /// One image in a message.
    static func line(_ image: CachedImage) -> String {
        let source = image.source.map { " (\(TerminalText.visible($0)))" } ?? ""
        return "\(image.digest)\(source), \(ByteSize.brief(image.bytes))"
    }

    private static func digits(_ image: CachedImage) -> String {
        String(image.digest.dropFirst("sha256:".count).prefix(shownDigits))
    }

    private static func state(_ image: CachedImage) -> String {
        if image.isInUse { return "in use" }
        return image.isComplete ? "unused" : "unusable"
    }
}

extension ByteSize {
    /// Tenths, rounded, of the largest unit of which there is one; `nil` below 1 KiB.
    static func tenths(_ bytes: Int) -> (count: Int, unit: String)? {
        let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")]
        return units.first { bytes >= 1 << $0.0 }.map { shift, unit in
            (Int((Double(bytes) / Double(1 << shift) * 10).rounded()), unit)
        }
    }

    /// `755 MiB`, `1.2 GiB`: rounded, for a person.
    static func brief(_ bytes: Int) -> String {
        guard let (tenths, unit) = tenths(bytes) else { return "\(bytes) B" }
        return tenths < 100 && tenths % 10 != 0
            ? "\(tenths / 10).\(tenths % 10) \(unit)" : "\((tenths + 5) / 10) \(unit)"
    }
}
#endif
