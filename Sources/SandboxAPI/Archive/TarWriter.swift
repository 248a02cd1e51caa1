/// Writes tar archives: entries in, bytes out. Pure.

/// Writes ustar, with a pax extended header for values that ustar has no room for. GNU tar, bsdtar and
/// Python's tarfile read it.
package enum TarWriter {
    /// The end of an archive: two blocks of zeros.
    package static let end = [UInt8](repeating: 0, count: 2 * TarHeader.size)

    /// Returns the bytes before an entry's data. The data follows unchanged, and then ``padding(after:)``.
    ///
    /// - Parameter entry: its name is not empty; a directory's ends with a slash.
    package static func header(_ entry: TarEntry) -> [UInt8] {
        var records: [UInt8] = []
        if entry.path.count > nameSize { records += record("path", entry.path) }
        if entry.linkTarget.count > nameSize { records += record("linkpath", entry.linkTarget) }
        if entry.size > largestSize { records += record("size", Array(String(entry.size).utf8)) }
        guard !records.isEmpty else { return block(entry, type(entry.kind)) }
        // Without this record a pax value is UTF-8.
        if !isText(entry.path) || !isText(entry.linkTarget) {
            records = record("hdrcharset", Array("BINARY".utf8)) + records
        }
        let extended = TarEntry(path: Array("pax/extended".utf8), kind: .file, size: records.count)
        return block(extended, UInt8(ascii: "x")) + records + padding(after: records.count)
            + block(entry, type(entry.kind))
    }

    /// Returns zeros up to the next block.
    package static func padding(after size: Int) -> [UInt8] {
        [UInt8](repeating: 0, count: (TarHeader.size - size % TarHeader.size) % TarHeader.size)
    }

    private static let nameSize = 100
    /// The largest size that eleven octal digits hold.
    private static let largestSize = 1 << 33 - 1

    private static func type(_ kind: TarEntry.Kind) -> UInt8 {
        switch kind {
        case .file: UInt8(ascii: "0")
        case .hardLink: UInt8(ascii: "1")
        case .symbolicLink: UInt8(ascii: "2")
        case .characterDevice: UInt8(ascii: "3")
        case .blockDevice: UInt8(ascii: "4")
        case .directory: UInt8(ascii: "5")
        case .fifo: UInt8(ascii: "6")
        }
    }

    private static func isText(_ bytes: [UInt8]) -> Bool { String(validating: bytes, as: UTF8.self) != nil }

    /// Returns `LENGTH KEY=VALUE\n`, where the length includes its own digits.
    private static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
        let rest = [UInt8(ascii: " ")] + Array(key.utf8) + [UInt8(ascii: "=")] + value + [UInt8(ascii: "\n")]
        var length = rest.count + 1
        while String(length).utf8.count + rest.count != length {
            length = String(length).utf8.count + rest.count
        }
        return Array(String(length).utf8) + rest
    }

    private static func block(_ entry: TarEntry, _ type: UInt8) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: TarHeader.size)
        func put(_ bytes: some Sequence<UInt8>, at offset: Int) {
            for (index, byte) in bytes.enumerated() { block[offset + index] = byte }
        }
        /// Writes octal digits that fill the field, except for a NUL at its end.
        func put(_ number: Int, at offset: Int, size: Int) {
            let digits = String(number, radix: 8).utf8.suffix(size - 1)
            put(repeatElement(UInt8(ascii: "0"), count: size - 1 - digits.count), at: offset)
            put(digits, at: offset + size - 1 - digits.count)
        }
        put(entry.path.prefix(nameSize), at: 0)
        put(Int(entry.mode & 0o7777), at: 100, size: 8)
        put(0, at: 108, size: 8)
        put(0, at: 116, size: 8)
        put(entry.size > largestSize ? 0 : entry.size, at: 124, size: 12)
        put(min(max(0, entry.modified.seconds), largestSize), at: 136, size: 12)
        block[156] = type
        put(entry.linkTarget.prefix(nameSize), at: 157)
        put("ustar\u{0}00".utf8, at: 257)
        // The checksum counts its own field as spaces.
        put(repeatElement(UInt8(ascii: " "), count: 8), at: 148)
        put(block.reduce(0) { $0 + Int($1) }, at: 148, size: 7)
        return block
    }
}
