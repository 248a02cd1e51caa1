/// The stdin of a participant that is fed through its backend's stream.

import SandboxAPI

/// One writer for all sources of a stdin; its end comes after the last of them.
final class ParticipantInput: Sendable {
    let writer = InputWriter()
    private let open: Locked<Int>

    init(sources: Int) { open = Locked(sources) }

    /// A source has come to its end.
    func sourceEnded() async {
        let isLast = open.withLock { open in
            open -= 1
            return open == 0
        }
        if isLast { await writer.finish() }
    }
}
