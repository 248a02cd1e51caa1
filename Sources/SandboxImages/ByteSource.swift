/// Sources of an archive's bytes: a part of a file, hashed and decompressed on the way.

import CArchive
import Glibc
import SandboxAPI
import SandboxRuntime
import Synchronization

/// A stream of bytes that is read once.
protocol ByteSource: AnyObject {
    /// Fills the beginning of `buffer`, which is not empty.
    ///
    /// - Returns: how many bytes; 0 at the end.
    func read(into buffer: inout [UInt8]) throws(ImageFailure) -> Int
}

extension ByteSource {
    /// Reads the rest, so that the bytes behind the last entry are checked, too.
    func drain() throws(ImageFailure) {
        var buffer = [UInt8](repeating: 0, count: FileSource.chunk)
        while try read(into: &buffer) > 0 {}
    }
}

/// The caller's side of a preparation: set from any thread when the caller gives up, which is checked between
/// two chunks; and told how far it is.
final class Cancellation: Sendable {
    private let flag = Atomic(false)
    let meter: PreparationMeter?

    init(meter: PreparationMeter? = nil) { self.meter = meter }

    func cancel() { flag.store(true, ordering: .relaxed) }

    func check() throws(ImageFailure) {
        if flag.load(ordering: .relaxed) { throw .cancelled }
    }
}

/// A part of an open file; the source does not close the file.
final class FileSource: ByteSource {
    static let chunk = 256 << 10

    private let fd: Int32
    private let start: Int
    private let end: Int
    private var offset: Int
    private let cancellation: Cancellation

    init(_ fd: Int32, offset: Int = 0, count: Int, cancellation: Cancellation) {
        self.fd = fd
        start = offset
        end = offset + count
        self.offset = offset
        self.cancellation = cancellation
    }

    func read(into buffer: inout [UInt8]) throws(ImageFailure) -> Int {
        try cancellation.check()
        let wanted = min(buffer.count, end - offset)
        guard wanted > 0 else { return 0 }
        let count = try Self.read(fd, &buffer, wanted, at: offset)
        guard count > 0 else {
            throw ImageFailure("the file became shorter while it was read", hint: "leave it alone meanwhile")
        }
        offset += count
        cancellation.meter?.advance(count)
        return count
    }

    /// The first bytes of the part, independent of the read position; fewer where the part is shorter.
    func peek(_ count: Int) throws(ImageFailure) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < min(count, end - start) {
            var part = [UInt8](repeating: 0, count: min(count, end - start) - filled)
            let got = try Self.read(fd, &part, part.count, at: start + filled)
            guard got > 0 else { break }
            buffer.replaceSubrange(filled..<filled + got, with: part.prefix(got))
            filled += got
        }
        return Array(buffer.prefix(filled))
    }

    /// Moves on without reading.
    ///
    /// - Returns: `false` when fewer bytes are left.
    func skip(_ count: Int) -> Bool {
        guard count <= end - offset else { return false }
        offset += count
        cancellation.meter?.advance(count)
        return true
    }

    private static func read(
        _ fd: Int32, _ buffer: inout [UInt8], _ count: Int, at offset: Int
    ) throws(ImageFailure) -> Int {
        while true {
            let got = pread(fd, &buffer, count, offset)
            if got >= 0 { return got }
            let number = errno
            guard number == EINTR else { throw ImageFailure(errno: number, "read the file") }
        }
    }
}

/// SHA-256 as `sha256:` and 64 digits.
final class SHA256 {
    private let hash: OpaquePointer

    init() throws(ImageFailure) {
        guard let hash = isolate_sha256_create() else { throw .outOfMemory }
        self.hash = hash
    }

    deinit { isolate_sha256_destroy(hash) }

    func update(_ bytes: [UInt8], count: Int) {
        precondition(count <= bytes.count)
        isolate_sha256_update(hash, bytes, count)
    }

    /// The digest of all bytes so far; the hash then starts anew.
    func digest() -> String {
        var bytes = [UInt8](repeating: 0, count: Int(ISOLATE_SHA256_BYTES))
        isolate_sha256_digest(hash, &bytes)
        let digits = Array("0123456789abcdef".utf8)
        let text = bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return "sha256:" + String(decoding: text, as: UTF8.self)
    }

    static func digest(of bytes: [UInt8]) throws(ImageFailure) -> String {
        let hash = try SHA256()
        hash.update(bytes, count: bytes.count)
        return hash.digest()
    }
}

/// Hashes what passes through.
final class HashingSource: ByteSource {
    private let source: any ByteSource
    private let hash: SHA256

    init(_ source: any ByteSource) throws(ImageFailure) {
        self.source = source
        hash = try SHA256()
    }

    func read(into buffer: inout [UInt8]) throws(ImageFailure) -> Int {
        let count = try source.read(into: &buffer)
        hash.update(buffer, count: count)
        return count
    }

    /// The digest of all bytes read. Call it once.
    func digest() -> String { hash.digest() }
}
