/// Builds tar archives byte by byte, valid and hostile ones.

/// Bytes of an archive, entry by entry.
struct TarBuilder {
    enum Magic { case posix, gnu, old }

    var bytes: [UInt8] = []

    /// Appends a header block and its data.
    mutating func entry(
        _ name: [UInt8], type: Character, data: [UInt8] = [], link: [UInt8] = [], mode: Int = 0o644,
        size: Int? = nil, sizeField: [UInt8]? = nil, modified: Int = 1_000_000_000, prefix: [UInt8] = [],
        magic: Magic = .posix
    ) {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ field: [UInt8], at offset: Int) {
            block.replaceSubrange(offset..<offset + field.count, with: field)
        }
        put(Array(name.prefix(100)), at: 0)
        put(Self.octal(mode, digits: 7), at: 100)
        put(Self.octal(1000, digits: 7), at: 108)
        put(Self.octal(1000, digits: 7), at: 116)
        put(sizeField ?? Self.octal(size ?? data.count, digits: 11), at: 124)
        put(Self.octal(modified, digits: 11), at: 136)
        block[156] = type == "\0" ? 0 : type.asciiValue!
        put(Array(link.prefix(100)), at: 157)
        switch magic {
        case .posix: put(Array("ustar\u{0}00".utf8), at: 257)
        case .gnu: put(Array("ustar  \u{0}".utf8), at: 257)
        case .old: break
        }
        put(prefix, at: 345)
        put([UInt8](repeating: 0x20, count: 8), at: 148)
        let sum = block.reduce(0) { $0 + Int($1) }
        put(Self.octal(sum, digits: 6) + [0, 0x20], at: 148)
        bytes += block
        append(data)
    }

    mutating func entry(
        _ name: String, type: Character, data: [UInt8] = [], link: String = "", mode: Int = 0o644,
        size: Int? = nil
    ) {
        entry(
            Array(name.utf8), type: type, data: data, link: Array(link.utf8), mode: mode, size: size)
    }

    mutating func file(_ name: String, _ text: String = "", mode: Int = 0o644) {
        entry(name, type: "0", data: Array(text.utf8), mode: mode)
    }

    mutating func directory(_ name: String, mode: Int = 0o755) { entry(name, type: "5", mode: mode) }
    mutating func link(_ name: String, to target: String) {
        entry(name, type: "2", link: target, mode: 0o777)
    }
    mutating func hardLink(_ name: String, to target: String) { entry(name, type: "1", link: target) }

    /// An extended header for the next entry.
    mutating func pax(_ records: [(String, [UInt8])], type: Character = "x") {
        let data = records.flatMap { key, value in Self.record(key, value) }
        entry(Array("PaxHeaders/x".utf8), type: type, data: data)
    }

    mutating func pax(_ key: String, _ value: String) { pax([(key, Array(value.utf8))]) }

    /// GNU's header for a name (`L`) or a link's target (`K`) of more than 100 bytes.
    mutating func gnuLong(_ name: [UInt8], type: Character) {
        entry(Array("././@LongLink".utf8), type: type, data: name + [0], magic: .gnu)
    }

    /// The end marker.
    mutating func end() { bytes += [UInt8](repeating: 0, count: 1024) }

    /// Data with the zeros up to the next block.
    mutating func append(_ data: [UInt8]) {
        bytes += data
        bytes += [UInt8](repeating: 0, count: (512 - data.count % 512) % 512)
    }

    static func make(_ body: (inout TarBuilder) -> Void) -> [UInt8] {
        var builder = TarBuilder()
        body(&builder)
        builder.end()
        return builder.bytes
    }

    static func octal(_ value: Int, digits: Int) -> [UInt8] {
        let text = String(value, radix: 8)
        return Array((String(repeating: "0", count: max(0, digits - text.count)) + text).utf8)
    }

    /// GNU's form of large numbers: the uppermost bit, then big-endian.
    static func base256(_ value: Int, count: Int = 12) -> [UInt8] {
        var field = [UInt8](repeating: value < 0 ? 0xff : 0, count: count)
        for index in 0..<8 { field[count - 1 - index] = UInt8(truncatingIfNeeded: value >> (8 * index)) }
        field[0] |= 0x80
        return field
    }

    static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
        let rest = Array(" \(key)=".utf8) + value + [0x0a]
        var length = rest.count + 1
        while String(length).utf8.count + rest.count != length {
            length = String(length).utf8.count + rest.count
        }
        return Array(String(length).utf8) + rest
    }

    /// An archive that passes as a root file system.
    static func rootfs(_ body: (inout TarBuilder) -> Void = { _ in }) -> [UInt8] {
        make { tar in
            tar.directory("./")
            tar.directory("usr/")
            tar.directory("usr/bin/")
            tar.link("bin", to: "usr/bin")
            tar.file("usr/bin/tool", "tool", mode: 0o755)
            body(&tar)
        }
    }
}
