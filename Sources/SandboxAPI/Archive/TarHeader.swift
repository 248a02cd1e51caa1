/// The fields of one 512-byte tar header, and the records of a pax extended header. Pure.

/// One entry of a tar archive.
package struct TarEntry: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        case file, directory, symbolicLink, hardLink, characterDevice, blockDevice, fifo
    }

    /// The name as it stands in the archive, unchecked.
    package var path: [UInt8]
    package var kind: Kind
    /// The target of a link, unchecked.
    package var linkTarget: [UInt8] = []
    /// The permission bits, with set-user-id, set-group-id and sticky.
    package var mode: UInt32 = 0o644
    /// Bytes of data that follow.
    package var size = 0
    /// The time of the last change, in seconds and nanoseconds since 1970.
    package var modified = (seconds: 0, nanoseconds: 0)

    package init(
        path: [UInt8], kind: Kind, linkTarget: [UInt8] = [], mode: UInt32 = 0o644, size: Int = 0,
        modified: (seconds: Int, nanoseconds: Int) = (0, 0)
    ) {
        self.path = path
        self.kind = kind
        self.linkTarget = linkTarget
        self.mode = mode
        self.size = size
        self.modified = modified
    }

    package static func == (left: TarEntry, right: TarEntry) -> Bool {
        left.path == right.path && left.kind == right.kind && left.linkTarget == right.linkTarget
            && left.mode == right.mode && left.size == right.size && left.modified == right.modified
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(path)
        hasher.combine(kind)
    }
}

/// A tar header block. ustar, pax and GNU tar share its layout, but not the meaning of its last part.
struct TarHeader {
    static let size = 512
    /// The largest accepted size, beyond that of any real file, so that sums of sizes cannot overflow.
    static let maximumFileSize = 1 << 53

    private let block: [UInt8]

    /// - Parameter block: 512 bytes.
    init(_ block: [UInt8]) { self.block = block }

    var isZero: Bool { block.allSatisfy { $0 == 0 } }

    /// Compares the sum of all bytes, the checksum itself taken as spaces; some old writers summed signed
    /// bytes.
    var hasValidChecksum: Bool {
        guard let stored = number(148, 8) else { return false }
        var unsigned = 0
        var signed = 0
        for (index, byte) in block.enumerated() {
            let value = (148..<156).contains(index) ? UInt8(ascii: " ") : byte
            unsigned += Int(value)
            signed += Int(Int8(bitPattern: value))
        }
        return stored == unsigned || stored == signed
    }

    var type: UInt8 { block[156] }
    var size: Int? { number(124, 12) }
    var mode: Int? { number(100, 8) }
    /// Seconds since 1970. An unreadable time becomes 0: it is no reason to refuse a file.
    var modified: Int { number(136, 12) ?? 0 }
    var linkName: [UInt8] { text(157, 100) }

    var name: [UInt8] {
        let name = text(0, 100)
        // "ustar" and a NUL: POSIX, with a prefix. GNU's "ustar  " stores other fields there.
        guard block[257..<263].elementsEqual("ustar\0".utf8) else { return name }
        let prefix = text(345, 155)
        return prefix.isEmpty ? name : prefix + [UInt8(ascii: "/")] + name
    }

    private func text(_ offset: Int, _ count: Int) -> [UInt8] {
        Array(block[offset..<offset + count].prefix { $0 != 0 })
    }

    /// Parses octal digits with spaces and NULs around them, or GNU's base 256. An empty field is 0; `nil`:
    /// neither.
    private func number(_ offset: Int, _ count: Int) -> Int? {
        let field = block[offset..<offset + count]
        let first = field[offset]
        if first & 0x80 != 0 { return Self.binary(field) }
        let digits = field.drop { $0 == UInt8(ascii: " ") }
        var value = 0
        var rest = digits
        while let byte = rest.first, (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(byte) {
            value = value << 3 | Int(byte - UInt8(ascii: "0"))  // 12 digits at most: 36 bits
            rest = rest.dropFirst()
        }
        return rest.allSatisfy { $0 == 0 || $0 == UInt8(ascii: " ") } ? value : nil
    }

    /// A big-endian two's complement number whose uppermost bit only marks the form.
    private static func binary(_ field: ArraySlice<UInt8>) -> Int? {
        guard let first = field.first else { return nil }
        var value = first & 0x40 == 0 ? Int(first & 0x3f) : Int(first & 0x3f) - 0x40
        for byte in field.dropFirst() {
            let (product, overflow) = value.multipliedReportingOverflow(by: 256)
            guard !overflow else { return nil }
            value = product + Int(byte)  // the product is a multiple of 256: no overflow
        }
        return value
    }
}

/// The records of a pax extended header, which describe the next entry; unknown keys are ignored.
struct PaxRecords {
    var path: [UInt8]?
    var linkPath: [UInt8]?
    var size: Int?
    var modified: (seconds: Int, nanoseconds: Int)?

    /// Parses records of the form `LENGTH KEY=VALUE\n`; the length counts the whole record.
    ///
    /// - Throws: `TarFailure` for an invalid record. Sparse files are refused, since the stored data is not
    ///   the file's.
    init(_ bytes: [UInt8]) throws(TarFailure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            guard let space = rest.firstIndex(of: UInt8(ascii: " ")),
                let length = Self.decimal(rest[..<space]), length <= rest.count,
                length > space - rest.startIndex + 1
            else { throw Self.damaged }
            let record = rest[(space + 1)..<(rest.startIndex + length)]
            guard record.last == UInt8(ascii: "\n"), let equals = record.firstIndex(of: UInt8(ascii: "=")),
                equals > record.startIndex
            else { throw Self.damaged }
            try set(record[..<equals], to: record[(equals + 1)...].dropLast())
            rest = rest.dropFirst(length)
        }
    }

    private static let damaged = TarFailure("an extended header is damaged")

    private mutating func set(_ key: ArraySlice<UInt8>, to value: ArraySlice<UInt8>) throws(TarFailure) {
        switch String(decoding: key, as: UTF8.self) {
        case "path": path = value.isEmpty ? nil : Array(value)
        case "linkpath": linkPath = value.isEmpty ? nil : Array(value)
        case "size":
            guard !value.isEmpty else {
                size = nil
                return
            }
            guard let number = Self.decimal(value) else { throw Self.damaged }
            size = number
        case "mtime": modified = Self.time(value)
        case let name where name.hasPrefix("GNU.sparse."):
            throw TarFailure("it is a sparse file", hint: "make the archive without --sparse")
        default: break
        }
    }

    private static func decimal(_ digits: ArraySlice<UInt8>) -> Int? {
        guard !digits.isEmpty, digits.count <= 18 else { return nil }
        var value = 0
        for byte in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return value
    }

    /// Seconds with an optional fraction; `nil` when it is something else. Times before 1970 become 1970.
    private static func time(_ value: ArraySlice<UInt8>) -> (seconds: Int, nanoseconds: Int)? {
        if value.first == UInt8(ascii: "-") { return (0, 0) }
        let parts = value.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let seconds = decimal(first) else { return nil }
        guard parts.count == 2 else { return (seconds, 0) }
        var fraction = Array(parts[1].prefix(9))
        fraction += [UInt8](repeating: UInt8(ascii: "0"), count: 9 - fraction.count)
        guard let nanoseconds = decimal(fraction[...]) else { return nil }
        return (seconds, nanoseconds)
    }
}
