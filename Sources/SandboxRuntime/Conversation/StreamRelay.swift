/// Passes on the outputs of one participant that come through its backend's stream.

import SandboxAPI

/// Takes a piece, gives it to the stdin it is connected to, and only then takes the next: so a slow reader makes the writer
/// wait. Output that is not connected is kept.
final class StreamRelay: Sendable {
    private struct Collected: Sendable {
        var stdout: [UInt8] = []
        var stderr: [UInt8] = []
    }

    private let conversation: Conversation
    private let index: Int
    private let bound: Int
    private let collected = Locked(Collected())

    init(_ conversation: Conversation, of index: Int) {
        self.conversation = conversation
        self.index = index
        bound = conversation.participants[index].limits.output
    }

    func pass(_ execution: Execution) async {
        let links = conversation.streamLinks(from: index)
        var unread: Set<Int> = []
        for await chunk in execution.output {
            let number = links.first { conversation.plan.links[$0].connection.stream == chunk.stream }
            guard let number else {
                keep(chunk)
                continue
            }
            if chunk.bytes.isEmpty {
                conversation.log.closed(number, by: .writer)
                if !conversation.plan.links[number].connection.endsWithProgram {
                    await conversation.streamEnded(number)
                }
            } else if !unread.contains(number), await !give(chunk, on: number) {
                unread.insert(number)
            }
        }
        // The end of those that end with their program comes with its result.
        for number in links where !conversation.plan.links[number].connection.endsWithProgram {
            await conversation.streamEnded(number)
        }
    }

    /// Returns false when the reader has gone.
    private func give(_ chunk: Execution.Chunk, on number: Int) async -> Bool {
        do throws(SandboxError) {
            try await conversation.inputs[conversation.plan.links[number].target]?.writer.write(chunk.bytes)
            conversation.log.moved(chunk.bytes, on: number)
            return true
        } catch {
            conversation.log.closed(number, by: .reader)
            if !conversation.plan.links[number].connection.outlivesReader {
                conversation.controls[index].closeOutput(chunk.stream)
            }
            return false
        }
    }

    private func keep(_ chunk: Execution.Chunk) {
        collected.withLock { collected in
            let path = chunk.stream == .stdout ? \Collected.stdout : \Collected.stderr
            let room = max(0, bound - collected[keyPath: path].count)
            collected[keyPath: path] += chunk.bytes.prefix(room)
        }
    }

    /// Adds what was kept to the run's result.
    func addCollected(to result: inout RunResult) {
        let collected = collected.withLock { $0 }
        result.stdout += collected.stdout
        result.stderr += collected.stderr
    }
}
