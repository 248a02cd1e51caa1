/// Drives a `TarReader` over a ``ByteSource``: one entry after another, and its data in chunks.

import SandboxAPI
import SandboxRuntime

/// A tar archive that is read once, from the beginning to the end.
final class TarStream {
    private let source: any ByteSource
    /// Set when data can be skipped without reading it.
    private let seekable: FileSource?
    private let requiresEndMarker: Bool
    private let limits: ImageLimits
    private var reader = TarReader()
    private var chunk: [UInt8]
    private var position = 0
    private var end = 0
    /// The position of the chunk's end in the stream.
    private var streamOffset = 0
    private var isFinished = false
    private var last: [UInt8]?

    /// - Parameters:
    ///   - limits: extended headers count for the bound of entries, too.
    ///   - requiresEndMarker: whether an archive without its end marker counts as truncated.
    ///   - chunk: bytes read at a time.
    init(
        _ source: any ByteSource, limits: ImageLimits = .standard, requiresEndMarker: Bool = true,
        chunk: Int = FileSource.chunk
    ) {
        self.source = source
        self.limits = limits
        self.requiresEndMarker = requiresEndMarker
        seekable = source as? FileSource
        self.chunk = [UInt8](repeating: 0, count: chunk)
    }

    /// The position in the stream of the next byte not yet delivered: after ``next()``, the start of the
    /// entry's data.
    var offset: Int { streamOffset - (end - position) }

    /// Extended headers so far.
    var metaHeaders: Int { reader.metaHeaders }

    /// The next entry; skips the data of the one before. `nil` at the end.
    func next() throws(ImageFailure) -> TarEntry? {
        if seekable != nil { try skipData() }
        while !isFinished {
            switch try event() {
            case .entry(let entry):
                last = entry.path
                return entry
            case .data: continue
            case .needsInput:
                // An archive may consist of extended headers only, and then no entry ever comes.
                guard reader.metaHeaders <= limits.entries else {
                    throw ImageFailure("the archive has more than \(limits.entries) extended headers")
                }
                try fill()
            case .end: isFinished = true
            }
        }
        return nil
    }

    /// Passes on the last entry's data, one range of an array at a time.
    func readData(
        _ entry: TarEntry, _ body: ([UInt8], Range<Int>) throws(ImageFailure) -> Void
    ) throws(ImageFailure) {
        var remaining = entry.size
        while remaining > 0 {
            switch try event() {
            case .data(let range):
                remaining -= range.count
                try body(chunk, range)
            case .needsInput: try fill()  // throws at the end of the stream
            case .entry, .end:
                throw ImageFailure("the archive's data ended early", entry: entry.path, code: .internalError)
            }
        }
    }

    private func event() throws(ImageFailure) -> TarReader.Event {
        do throws(TarFailure) {
            return try reader.next(chunk, &position, end: end)
        } catch {
            throw ImageFailure(error)
        }
    }

    private func skipData() throws(ImageFailure) {
        let count = reader.skipData()
        let inChunk = min(count, end - position)
        position += inChunk
        guard seekable?.skip(count - inChunk) ?? true else {
            throw ImageFailure("the archive is truncated", entry: last, hint: "copy the file again")
        }
        streamOffset += count - inChunk
    }

    private func fill() throws(ImageFailure) {
        position = 0
        end = try source.read(into: &chunk)
        streamOffset += end
        guard end == 0 else { return }
        isFinished = true
        do throws(TarFailure) {
            try reader.finish(requiresEndMarker: requiresEndMarker)
        } catch {
            throw ImageFailure(error)
        }
    }
}
