/// Writes down what is said, up to a bound. Pure.

import SandboxAPI

struct TranscriptRecorder: Sendable {
    private(set) var transcript = Transcript()
    private var room: Int

    init(_ policy: TranscriptPolicy) {
        switch policy {
        case .none: room = 0
        case .upTo(let bytes): room = bytes
        }
    }

    /// Takes a piece. The first one that does not fit is cut, and nothing follows it.
    mutating func record(_ bytes: some Collection<UInt8>, on connection: Int, after time: Duration) {
        guard !bytes.isEmpty, !transcript.isCut else { return }
        let most = max(0, room - Transcript.entryCost)
        if bytes.count > most { transcript.isCut = true }
        guard most > 0 else { return }
        let kept = Array(bytes.prefix(most))
        room -= kept.count + Transcript.entryCost
        transcript.entries.append(Transcript.Entry(connection: connection, bytes: kept, after: time))
    }
}
