/// Parses a tar archive of any content: bytes in, entries out. Pure.

/// An incremental parser of tar archives: ustar, pax extended headers, GNU long names, numbers in base 256.
///
/// The caller feeds chunks of any size and gets one event after another. Memory is bounded by one header and
/// one extended header, whatever sizes the archive states. Names are passed on unchecked.
package struct TarReader: Sendable {
    package enum Event: Hashable, Sendable {
        /// The chunk is consumed.
        case needsInput
        /// The next entry; its data follows.
        case entry(TarEntry)
        /// A part of the last entry's data, as a range of the chunk. All parts together are exactly `size`
        /// bytes.
        case data(Range<Int>)
        /// The end marker was read; the bytes behind it are ignored.
        case end
    }

    private enum Meta: Sendable { case pax, globalPax, longName, longLink }

    private enum State: Sendable {
        case header
        case data(remaining: Int, padding: Int)
        case meta(Meta, remaining: Int, padding: Int)
        case padding(Int)
        case ended
    }

    /// The largest extended header: long names, and extended attributes that are skipped.
    static let maximumMeta = 1 << 20

    /// How many extended headers there were: the caller counts each as an entry of its bound.
    package private(set) var metaHeaders = 0
    private var state = State.header
    private var block: [UInt8] = []
    private var meta: [UInt8] = []
    private var pax: PaxRecords?
    private var longName: [UInt8]?
    private var longLink: [UInt8]?
    private var sawZeroBlock = false
    private var sawHeader = false
    private var current: [UInt8]?
    /// Bytes of the archive read so far, for messages.
    private var offset = 0

    package init() { block.reserveCapacity(TarHeader.size) }

    /// The next event from `chunk`, which begins at `position`; the position is moved on.
    ///
    /// - Parameter end: the end of the chunk's bytes in the array.
    /// - Throws: `TarFailure` with the entry's name. The reader must not be used any more then.
    package mutating func next(_ chunk: [UInt8], _ position: inout Int, end: Int) throws(TarFailure) -> Event
    {
        while true {
            let start = position
            switch state {
            case .ended: return .end
            case .header:
                let count = min(TarHeader.size - block.count, end - position)
                block += chunk[position..<position + count]
                position += count
                offset += count
                guard block.count == TarHeader.size else { return .needsInput }
                if let entry = try readHeader() { return .entry(entry) }
            case .data(let remaining, let padding):
                guard remaining > 0 else {
                    state = .padding(padding)
                    continue
                }
                guard position < end else { return .needsInput }
                let count = min(remaining, end - position)
                position += count
                offset += count
                state = .data(remaining: remaining - count, padding: padding)
                return .data(start..<position)
            case .meta(let kind, let remaining, let padding):
                guard remaining > 0 else {
                    try finishMeta(kind)
                    state = .padding(padding)
                    continue
                }
                guard position < end else { return .needsInput }
                let count = min(remaining, end - position)
                meta += chunk[position..<position + count]
                position += count
                offset += count
                state = .meta(kind, remaining: remaining - count, padding: padding)
            case .padding(let remaining):
                guard remaining > 0 else {
                    state = .header
                    continue
                }
                guard position < end else { return .needsInput }
                let count = min(remaining, end - position)
                position += count
                offset += count
                state = .padding(remaining - count)
            }
        }
    }

    /// Skips the rest of the last entry's data.
    ///
    /// - Returns: the bytes that the caller must leave out before the next chunk, padding included.
    package mutating func skipData() -> Int {
        guard case .data(let remaining, let padding) = state else { return 0 }
        state = .header
        offset += remaining + padding
        return remaining + padding
    }

    /// Ends the archive. Call it when there are no more bytes.
    ///
    /// - Parameter requiresEndMarker: whether an archive without its end marker counts as truncated.
    package func finish(requiresEndMarker: Bool) throws(TarFailure) {
        switch state {
        case .ended: return
        case .header where block.isEmpty:
            if sawZeroBlock { return }  // GNU tar, too, takes one block of the two for the end
            guard sawHeader else { throw Self.notTar }
            guard requiresEndMarker || pax != nil || longName != nil || longLink != nil else { return }
            throw TarFailure(
                "the archive is truncated after \(offset) bytes: its end marker is missing",
                hint: "copy the file again")
        case .header, .data, .meta, .padding:
            guard sawHeader else { throw Self.notTar }
            throw TarFailure(
                "the archive is truncated after \(offset) bytes", entry: current, hint: "copy the file again")
        }
    }

    private static let notTar = TarFailure(
        "it is not a tar archive", hint: "give a tar archive, plain or compressed with gzip or zstd")

    // MARK: Headers

    /// Parses the full header block; `nil`: it was no entry.
    private mutating func readHeader() throws(TarFailure) -> TarEntry? {
        let header = TarHeader(block)
        block.removeAll(keepingCapacity: true)
        if header.isZero {
            if sawZeroBlock { state = .ended }
            sawZeroBlock = true
            return nil
        }
        guard header.hasValidChecksum, !sawZeroBlock else {
            if !sawHeader { throw Self.notTar }
            throw TarFailure(
                "the archive is damaged: no header at byte \(offset - TarHeader.size)",
                hint: "copy the file again")
        }
        sawHeader = true
        current = longName ?? pax?.path ?? header.name
        return try interpret(header)
    }

    private mutating func interpret(_ header: TarHeader) throws(TarFailure) -> TarEntry? {
        switch header.type {
        case UInt8(ascii: "x"): return try beginMeta(.pax, header)
        case UInt8(ascii: "g"): return try beginMeta(.globalPax, header)
        case UInt8(ascii: "L"): return try beginMeta(.longName, header)
        case UInt8(ascii: "K"): return try beginMeta(.longLink, header)
        default: break
        }
        let path = pax?.path ?? longName ?? header.name
        current = path
        guard let mode = header.mode, mode >= 0 else { throw damaged("mode") }
        guard var size = pax?.size ?? header.size, (0...TarHeader.maximumFileSize).contains(size) else {
            throw damaged("size")
        }
        let kind: TarEntry.Kind
        switch header.type {
        case 0, UInt8(ascii: "0"), UInt8(ascii: "7"):
            // Before tar had a type for directories, they were files with a slash at the end.
            kind = path.last == UInt8(ascii: "/") ? .directory : .file
        case UInt8(ascii: "1"): kind = .hardLink
        case UInt8(ascii: "2"): kind = .symbolicLink
        case UInt8(ascii: "3"): kind = .characterDevice
        case UInt8(ascii: "4"): kind = .blockDevice
        case UInt8(ascii: "5"): kind = .directory
        case UInt8(ascii: "6"): kind = .fifo
        case UInt8(ascii: "S"):
            throw TarFailure("it is a sparse file", entry: path, hint: "make the archive without --sparse")
        case let type:
            throw TarFailure(
                "its type \"\(ByteString([type]))\" is not known", entry: path,
                hint: "make the archive as ustar, pax or GNU tar, not incremental or in volumes")
        }
        // For these kinds a size describes no data of the archive: none follows. Other tars agree.
        if ("1"..."6").contains(Unicode.Scalar(header.type)) { size = 0 }
        var entry = TarEntry(
            path: path, kind: kind, mode: UInt32(truncatingIfNeeded: mode) & 0o7777, size: size)
        entry.modified = pax?.modified ?? (max(0, header.modified), 0)
        if kind == .symbolicLink || kind == .hardLink {
            entry.linkTarget = pax?.linkPath ?? longLink ?? header.linkName
        }
        pax = nil
        longName = nil
        longLink = nil
        state = .data(remaining: size, padding: Self.padding(size))
        return entry
    }

    private mutating func beginMeta(_ kind: Meta, _ header: TarHeader) throws(TarFailure) -> TarEntry? {
        guard let size = header.size, size >= 0 else { throw damaged("size") }
        guard size <= Self.maximumMeta else {
            throw TarFailure("an extended header of \(size) bytes is too large", entry: current)
        }
        metaHeaders += 1
        meta.removeAll(keepingCapacity: true)
        state = .meta(kind, remaining: size, padding: Self.padding(size))
        return nil
    }

    private mutating func finishMeta(_ kind: Meta) throws(TarFailure) {
        do throws(TarFailure) {
            switch kind {
            case .pax: pax = try PaxRecords(meta)
            case .globalPax:
                let records = try PaxRecords(meta)
                guard records.path == nil, records.linkPath == nil, records.size == nil else {
                    throw TarFailure("a global extended header names a file")
                }
            case .longName: longName = Array(meta.prefix { $0 != 0 })
            case .longLink: longLink = Array(meta.prefix { $0 != 0 })
            }
        } catch {
            throw error.at(entry: current ?? [])
        }
    }

    private func damaged(_ field: String) -> TarFailure {
        TarFailure(
            "the archive is damaged: the \(field) in the header at byte \(offset - TarHeader.size) is no number",
            entry: current, hint: "copy the file again")
    }

    private static func padding(_ size: Int) -> Int {
        (TarHeader.size - size % TarHeader.size) % TarHeader.size
    }
}
