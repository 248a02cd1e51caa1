/// Passes a program's output on to the command's stdout and stderr, so that the program never waits for their
/// reader.

#if CLI
import Sandbox
import SandboxRuntime

/// What became of output that was passed on.
struct RelayedOutput: Sendable {
    /// True when stderr, as passed on, stands in the middle of a line.
    var isMidLine: Bool
    /// The streams, if they were to be kept: at most `limits.output` bytes of each.
    var kept: (stdout: [UInt8], stderr: [UInt8])?
}

/// The program's output that the command's reader has not taken yet: at most `limits.output` bytes of each
/// stream, since the backend delivers no more.
final class OutputRelay: Sendable {
    private struct State: Sendable {
        var pieces: [Execution.Chunk] = []
        var isAtEnd = false
        var waiter: Waiter<[Execution.Chunk]>?
    }

    /// Small pieces are joined up to this size: a program that writes byte by byte must not cost an array each.
    private static let pieceSize = 64 << 10

    private let state = Locked(State())
    private let write: @Sendable (Execution.Chunk) async throws -> Void

    /// - Parameter write: writes a chunk; by default to the command's stdout or stderr. May block.
    init(write: @escaping @Sendable (Execution.Chunk) async throws -> Void = OutputRelay.writeToOwn) {
        self.write = write
    }

    /// Takes the output as fast as it comes, and writes it as fast as the reader takes it.
    ///
    /// - Returns: true when stderr, as passed on, stands in the middle of a line.
    /// - Throws: the error of a write, at once: the rest has no reader.
    func pass(_ output: Execution.Output) async throws -> Bool {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                for await piece in output { self.put(piece) }
                self.end()
                return false
            }
            group.addTask { try await self.writeAll() }
            var isMidLine = false
            for try await answer in group { isMidLine = isMidLine || answer }
            return isMidLine
        }
    }

    /// Passes the output on to the command's stdout and stderr.
    ///
    /// - Parameter keeping: whether a copy of it is kept.
    /// - Throws: the error of a write, at once.
    static func relay(_ output: Execution.Output, keeping: Bool) async throws -> RelayedOutput {
        guard keeping else { return RelayedOutput(isMidLine: try await OutputRelay().pass(output)) }
        let kept = Locked<(stdout: [UInt8], stderr: [UInt8])>(([], []))
        let watched = Execution.Output {
            var iterator = output.makeAsyncIterator()
            let chunk = await iterator.next()
            if let chunk {
                kept.withLock {
                    switch chunk.stream {
                    case .stdout: $0.stdout += chunk.bytes
                    case .stderr: $0.stderr += chunk.bytes
                    }
                }
            }
            return chunk
        }
        let isMidLine = try await OutputRelay().pass(watched)
        return RelayedOutput(isMidLine: isMidLine, kept: kept.withLock { $0 })
    }

    private func writeAll() async throws -> Bool {
        var lastOfStderr = UInt8(ascii: "\n")
        while case let pieces = await next(), !pieces.isEmpty {
            for piece in pieces {
                try await write(piece)
                if piece.stream == .stderr, let last = piece.bytes.last { lastOfStderr = last }
            }
        }
        return lastOfStderr != UInt8(ascii: "\n")
    }

    private func put(_ piece: Execution.Chunk) {
        let waiter = state.withLock { state -> Waiter<[Execution.Chunk]>? in
            if state.waiter != nil {
                defer { state.waiter = nil }
                return state.waiter
            }
            if let last = state.pieces.indices.last, state.pieces[last].stream == piece.stream,
                state.pieces[last].bytes.count + piece.bytes.count <= Self.pieceSize
            {
                state.pieces[last].bytes += piece.bytes
            } else {
                state.pieces.append(piece)
            }
            return nil
        }
        waiter?.resume(returning: [piece])
    }

    private func end() {
        let waiter = state.withLock { state in
            defer { state.waiter = nil }
            state.isAtEnd = true
            return state.waiter
        }
        waiter?.resume(returning: [])
    }

    /// All chunks present; empty at the end.
    private func next() async -> [Execution.Chunk] {
        await state.answer { state, waiter in
            if state.pieces.isEmpty && !state.isAtEnd {
                state.waiter = waiter
                return nil
            }
            defer { state.pieces = [] }
            return state.pieces
        }
    }

    private static func writeToOwn(_ piece: Execution.Chunk) async throws {
        switch piece.stream {
        case .stdout: try await StandardStreams.writeOut(piece.bytes)
        case .stderr: await StandardStreams.writeError(piece.bytes)
        }
    }
}
#endif
