/// Decompresses a stream, whose form its first bytes show, and stops at a decompression bomb.

import CArchive
import Glibc
import SandboxAPI
import SandboxRuntime

/// How a stream is compressed.
enum Compression: Hashable {
    case none, gzip, zstd

    /// How many bytes ``init(_:)`` needs.
    static let magicBytes = 6

    /// Recognizes the form by a stream's first bytes; an unknown form counts as not compressed.
    init(_ magic: [UInt8]) throws(ImageFailure) {
        switch magic {
        case let bytes where bytes.starts(with: [0x1f, 0x8b]): self = .gzip
        case let bytes where bytes.starts(with: [0x28, 0xb5, 0x2f, 0xfd]): self = .zstd
        // zstd's skippable frame, with which some writers begin.
        case let bytes
        where bytes.count >= 4 && bytes[0] & 0xf0 == 0x50 && bytes[1...3] == [0x2a, 0x4d, 0x18]:
            self = .zstd
        case let bytes where bytes.starts(with: [0xfd] + Array("7zXZ".utf8)):
            throw Self.unknown("xz")
        case let bytes where bytes.starts(with: "BZh".utf8): throw Self.unknown("bzip2")
        default: self = .none
        }
    }

    private static func unknown(_ name: String) -> ImageFailure {
        ImageFailure(
            "it is compressed with \(name)", hint: "decompress it, or compress it with gzip or zstd instead")
    }
}

/// A stream, decompressed.
final class Decompressor: ByteSource {
    private let source: any ByteSource
    private let limits: ImageLimits
    private let decompressor: OpaquePointer
    private var input: [UInt8]
    private var position = 0
    private var filled = 0
    private var atEnd = false
    private var taken = 0
    private var given = 0

    /// - Parameter compression: not `.none`.
    init(_ source: any ByteSource, _ compression: Compression, limits: ImageLimits) throws(ImageFailure) {
        guard
            let decompressor = isolate_decompressor_create(compression == .gzip ? ISOLATE_GZIP : ISOLATE_ZSTD)
        else { throw .outOfMemory }
        self.decompressor = decompressor
        self.source = source
        self.limits = limits
        input = [UInt8](repeating: 0, count: FileSource.chunk)
    }

    deinit { isolate_decompressor_destroy(decompressor) }

    func read(into buffer: inout [UInt8]) throws(ImageFailure) -> Int {
        while true {
            if position == filled {
                filled = try source.read(into: &input)
                position = 0
                if filled == 0, atEnd { return 0 }
            }
            let done = try step(&buffer)
            position += done.taken
            taken += done.taken
            given += done.given
            atEnd = done.at_end != 0
            if given > limits.ratioFreeBytes, given / limits.ratio > taken {
                throw ImageFailure(
                    "it is a decompression bomb: \(taken) bytes became more than \(given)",
                    hint: "an image may be at most \(limits.ratio) times as large as its compressed form")
            }
            if done.given > 0 { return done.given }
            if filled == 0, !atEnd {
                throw ImageFailure("its compressed data is truncated", hint: "copy the file again")
            }
        }
    }

    private func step(_ buffer: inout [UInt8]) throws(ImageFailure) -> isolate_decompressed {
        var done = isolate_decompressed()
        let capacity = buffer.count
        let result = input.withUnsafeBytes { bytes in
            let part = UnsafeRawBufferPointer(rebasing: bytes[position..<filled])
            // An empty part has a null address, which the library would have to accept.
            return isolate_decompress(
                decompressor, part.baseAddress ?? bytes.baseAddress, part.count, &buffer, capacity, &done)
        }
        switch result {
        case 0: return done
        case -ENOMEM: throw .outOfMemory
        default: throw ImageFailure("its compressed data is damaged", hint: "copy the file again")
        }
    }
}
